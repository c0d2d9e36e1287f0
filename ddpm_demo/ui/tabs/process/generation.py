"""Generation: the whole way down, every step kept, and branches from any step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ....errors import UserError
from ....samplers.table import SAMPLERS, check_eta, sampler_info
from ....texts import text
from ...components.form import Form
from ...components.live_view import live_view
from ...components.panel_view import PanelView
from ...components.result import result_panel, step_slider
from ...components.run_bar import run_bar
from ...components.run_flow import connect_run, run_on_click
from ...components.seed import roll
from ...context import Context, TaskTab
from ...models import Models
from ...restoration.pictures import load_picture
from ...stream import Job

if TYPE_CHECKING:
    from ....core.step import Step
    from ....pipeline import DDPM
    from ....recipes.recipe import Recipe
    from ....recipes.run import Run

NOISE, PICTURE = "noise", "picture"
PANES = ("x_t", "x0_hat", "eps")
DEFAULT_SAMPLER = "ddpm"


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
                form.add("branch_seed", gr.Number, value=1, precision=0, min_width=80)
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
        form.add(
            "sampler",
            gr.Dropdown,
            choices=[(info.title, info.name) for info in SAMPLERS.values()],
            value=DEFAULT_SAMPLER,
            min_width=120,
        )
        form.add("num_steps", gr.Number, value=50, precision=0, min_width=80)
    form.add("eta", gr.Slider, minimum=0, maximum=1, step=0.05, value=0, visible=False)
    controls = form.controls

    def on_start(start: str) -> dict[str, Any]:
        return gr.update(visible=start == PICTURE)

    def on_sampler(sampler: str) -> dict[str, Any]:
        return gr.update(visible=sampler in SAMPLERS and SAMPLERS[sampler].uses_eta)

    ctx.quick(controls["start"].change, on_start, [controls["start"]], [controls["t"]])
    ctx.quick(controls["sampler"].change, on_sampler, [controls["sampler"]], [controls["eta"]])


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
    from_picture = values["start"] == PICTURE
    sampler = sampler_info(str(values["sampler"]))
    if values["seed"] is None:
        values = {**values, "seed": roll()}
    for name in ("num_steps", "siblings", "branch_seed"):
        if values[name] is None:
            raise UserError("number_missing", "Enter a number here.", field=name)
    job = job_of(
        models,
        {
            "checkpoint": values["checkpoint"],
            "image": values["image"] if from_picture else None,
            "t": values["t"] if from_picture else None,
            "num_images": 1 if branch_at is None else values["siblings"],
            "seed": values["seed"],
            "sampler": sampler.name,
            "num_steps": values["num_steps"],
            "eta": values["eta"] if sampler.uses_eta else 0.0,
            "branch_at": branch_at,
            "branch_seed": values["branch_seed"],
        },
        needs_picture=from_picture,
    )
    kept = {name: value for name, value in values.items() if name not in ("branch_at", "last")}
    return dataclasses.replace(job, inputs={**job.inputs, "values": kept})


def job_of(models: Models, values: Mapping[str, Any], needs_picture: bool = False) -> Job:
    """The job of a `DiffuseRecipe`'s values, with the path of its picture in "image".

    Raises:
        UserError: a value that cannot be, a file that is no picture, or no such checkpoint.
    """
    from ....process.branching import check_branch
    from ....tasks.diffuse import DiffuseRecipe

    models.check(values["checkpoint"] or "")
    whole = {key: value for key, value in values.items() if key != "image"}
    for name in ("t", "num_steps", "branch_at"):
        whole[name] = None if values[name] is None else int(values[name])
    recipe = DiffuseRecipe(**{**whole, "eta": float(values["eta"] or 0)})
    sampler = sampler_info(recipe.sampler or DEFAULT_SAMPLER)
    check_eta(sampler, recipe.eta)
    if recipe.branch_at is not None and recipe.num_steps is not None:
        check_branch(sampler.name, recipe.eta, recipe.branch_at, recipe.num_steps)
    image = load_picture(values["image"]) if values["image"] or needs_picture else None
    return Job(recipe, start, {"image": image}, with_eps=True)


def control_values(recipe: Any) -> dict[str, Any]:  # noqa: ANN401  a DiffuseRecipe
    """The controls of a recipe; the picture itself is not in it, nor is a branch set."""
    given = {name: getattr(recipe, name) for name in ("sampler", "num_steps", "t")}
    values = {"seed": recipe.seed, "eta": recipe.eta, "branch_seed": recipe.branch_seed}
    if recipe.branch_at is not None:
        values["siblings"] = recipe.num_images
    values["start"] = NOISE if recipe.t in (None, 1000) else PICTURE
    return values | {name: value for name, value in given.items() if value is not None}


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
