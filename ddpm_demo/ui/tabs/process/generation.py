"""Generation: the whole way down, every step kept, and branches from any step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ....errors import UserError
from ....process.branching import check_branch
from ....recipes.field import fields_of
from ....samplers.table import uses_eta
from ....tasks.diffuse import DEFAULT_NUM_STEPS, DEFAULT_SAMPLER, DiffuseRecipe
from ....texts import text
from ...components.form import Form
from ...components.live_view import live_view
from ...components.panel_view import PanelView
from ...components.result import result_panel, step_slider
from ...components.run_bar import run_bar
from ...components.run_flow import connect_run, run_on_click
from ...context import Context, TaskTab, Update
from ...models import Models
from ...request import job_of
from ...restoration.pictures import load_picture
from ...stream import Job

if TYPE_CHECKING:
    from ....core.step import Step
    from ....pipeline import DDPM
    from ....recipes.recipe import Recipe
    from ....recipes.run import Run

NOISE, PICTURE = "noise", "picture"
PANES = ("x_t", "x0_hat", "eps")
# What the task leaves to the checkpoint.
BEGINS_WITH = {"sampler": DEFAULT_SAMPLER, "num_steps": DEFAULT_NUM_STEPS}
SET_BY_RECIPES = ("seed", "t", "sampler", "num_steps", "eta", "branch_seed")


def build_generation(ctx: Context, form: Form, tab: str) -> None:
    """Make the section here and wire its runs."""
    with gr.Row(elem_classes=["lesson", "generation"]):
        with gr.Column(elem_classes=["lesson-text"], min_width=280):
            with gr.Column(elem_classes=["controls"], min_width=280):
                _controls(ctx, form)
                bar = run_bar(ctx)
        with gr.Column(elem_classes=["lesson-view", "outputs"], min_width=280):
            live = live_view(ctx, PANES)
            scrubber = step_slider(ctx)
            with gr.Row(elem_classes=["branch"]):
                form.add("siblings", gr.Number, value=4, precision=0, min_width=80)
                _add_field(form, "branch_seed", min_width=80)
                branch = ctx.make(
                    gr.Button, {"value": "process.branch"}, min_width=120, interactive=False
                )
            result = result_panel(ctx, tab, live, bar.notice, scrubber=scrubber)
    last = gr.State(None)
    view = PanelView(
        live,
        result,
        [branch, last],
        lambda record, language, session: [
            gr.update(interactive=True),
            record.job.inputs["values"],
        ],
    )
    flow = connect_run(ctx, tab, form, bar, view, lambda values: prepare(ctx.models, values))
    ctx.task_tabs["diffuse"] = TaskTab(form, control_values)
    run_on_click(flow, branch, {"branch_at": result.scrubber, "last": last})


def _controls(ctx: Context, form: Form) -> None:
    form.add("start", gr.Radio, {"choices": start_choices}, value=NOISE, elem_classes=["choices"])
    form.add("t", gr.Slider, minimum=1, maximum=1000, step=1, value=500, visible=False)
    with gr.Row():
        _add_field(form, "sampler", min_width=120)
        _add_field(form, "num_steps", min_width=80)
    _add_field(form, "eta", visible=False)
    start, sampler = form.controls["start"], form.controls["sampler"]

    def on_start(start: str) -> Update:
        return gr.update(visible=start == PICTURE)

    def on_sampler(sampler: str) -> Update:
        return gr.update(visible=uses_eta({"sampler": sampler}))

    ctx.quick(start.change, on_start, [start], [form.controls["t"]])
    ctx.quick(sampler.change, on_sampler, [sampler], [form.controls["eta"]])


def _add_field(form: Form, name: str, **props: object) -> None:
    """The control of a field of the task, here; nothing is left to the program to choose."""
    told = fields_of(DiffuseRecipe)[name]
    told = dataclasses.replace(told, default=BEGINS_WITH.get(name, told.default), optional=False)
    form.add_field(DiffuseRecipe.task, told, **props)


def prepare(models: Models, values: Mapping[str, Any]) -> Job:
    """The run that the controls ask for, or a branch of the last run.

    A branch has "branch_at" among its values, and in "last" the values of the run to branch.

    Raises:
        UserError: a value that cannot be, no picture to start from, or no such checkpoint.
    """
    branch_at = values.get("branch_at")
    if branch_at is not None:
        own = {name: values[name] for name in ("siblings", "branch_seed", "branch_at")}
        values = {**(values["last"] or values), **own}
    models.check(values["checkpoint"] or "")
    for name in ("num_steps", "siblings", "branch_seed"):
        if values[name] is None:
            raise UserError("number_missing", "Enter a number here.", field=name)
    asked = {**values, "num_images": 1 if branch_at is None else values["siblings"]}
    if values["start"] == PICTURE:
        asked["image"] = load_picture(values["image"])
    else:
        asked |= {"image": None, "t": None}
    if not uses_eta(values):
        asked["eta"] = 0.0
    job = job_of(models, DiffuseRecipe, asked)
    recipe: Any = job.recipe
    if branch_at is not None:  # else the run itself would say so, when its turn has come
        check_branch(recipe.sampler, recipe.eta, recipe.branch_at, recipe.num_steps)
    kept = {name: value for name, value in values.items() if name not in ("branch_at", "last")}
    kept["seed"] = recipe.seed
    inputs = {**job.inputs, "values": kept}
    return dataclasses.replace(job, start=start, inputs=inputs, with_eps=True)


def control_values(recipe: Any) -> dict[str, Any]:  # noqa: ANN401  a DiffuseRecipe
    """The controls of a recipe; the picture itself is not in it, nor is a branch set."""
    values = {name: getattr(recipe, name) for name in SET_BY_RECIPES}
    values = {name: value for name, value in values.items() if value is not None}
    if recipe.branch_at is not None:
        values["siblings"] = recipe.num_images
    return {**values, "start": NOISE if recipe.t in (None, 1000) else PICTURE}


def start(ddpm: DDPM, recipe: Recipe, inputs: Mapping[str, Any]) -> Run:
    """Start the run of a prepared job; before a branch its one picture is shown once a sibling."""
    from ....recipes.run import Run

    run = ddpm.diffuse(recipe, inputs["image"])
    shown = Run(run.recipe, run.info, _repeated(run, recipe.num_images))
    shown.warnings = run.warnings
    return shown


def _repeated(steps: Iterable[Step], count: int) -> Iterator[Step]:
    for step in steps:
        if len(step.x_t) < count:
            x_t, x0_hat = (x.repeat(count, 1, 1, 1) for x in (step.x_t, step.x0_hat))
            step = dataclasses.replace(step, x_t=x_t, x0_hat=x0_hat)
        yield step


def start_choices(language: str) -> list[tuple[str, str]]:
    """(title, name) of where the run can start."""
    return [(text(language, f"process.start_{name}"), name) for name in (NOISE, PICTURE)]
