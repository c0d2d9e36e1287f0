"""The Interpolate tab: pictures that turn into one another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import gradio as gr

from ....tasks.interpolate import LETTERS, InterpolateRecipe
from ....texts import text
from ...components.form import Form
from ...context import Context, Update
from ...restoration.pictures import example_path
from ...stage import Stage
from ...stage_view import StageView
from ...stream import Job
from ..task.arrangement import Arrangement
from ..task.tab import build_task
from .ends import GRID, LINE, ends_inputs
from .exports import EXPORTS, export_interpolation
from .moving import DEFAULT_FPS
from .shown import report_html, shown_of

TAB = "interpolate"
NUM_BETWEEN = {LINE: 8, GRID: 3}
# Of the animation; the pictures are the same with any.
OPTIONS = {"there_and_back": True, "fps": DEFAULT_FPS}

_SEEDS = {f"image_{letter}": None for letter in LETTERS} | {
    f"seed_{letter}": k for k, letter in enumerate(LETTERS)
}
_LINE = {**_SEEDS, "shape": LINE}
_FACES = {
    "checkpoint": "faces-64",
    "image_a": example_path("face-1.png"),
    "image_b": example_path("face-2.png"),
}
EXAMPLES = {
    "interpolate.example_seeds": _LINE,
    "interpolate.example_pictures": {**_LINE, **_FACES},
    "interpolate.example_mixed": {
        **_LINE,
        "checkpoint": "fashion-32",
        "image_a": example_path("boot.png"),
        "seed_b": 3,
    },
    "interpolate.example_ddpm": {
        **_LINE,
        **_FACES,
        "method": "ddpm",
        "t": 500,
        "num_samples": 3,
    },
    "interpolate.example_grid": {**_LINE, "shape": GRID, "num_between": 3},
}


def build(ctx: Context) -> None:
    """Build the tab here."""
    view = build_task(ctx, ARRANGEMENT)
    form = ctx.task_tabs[TAB].form
    ctx.receive(TAB, form.controls["image_a"])
    _connect_options(ctx, view, form)
    _connect_seed(ctx, form)


def ends(ctx: Context, form: Form, stage: Stage) -> None:
    """The controls of the ends."""
    shape = form.add(
        "shape", gr.Radio, {"choices": shape_choices}, value=LINE, elem_classes=["choices"]
    )
    corners = ends_inputs(ctx, form)

    def on_shape(shape: str) -> list[Update]:
        return [gr.update(visible=shape == GRID) for _ in corners]

    # Also when an example has set it.
    ctx.quick(shape.change, on_shape, [shape], corners)


def options(ctx: Context, form: Form) -> None:
    """The controls of the animation."""
    form.add("fps", gr.Slider, minimum=1, maximum=30, step=1, value=OPTIONS["fps"])
    form.add("there_and_back", gr.Checkbox, value=OPTIONS["there_and_back"])


def _connect_options(ctx: Context, view: StageView, form: Form) -> None:
    shape, stage = form.controls["shape"], view.stage
    ctx.quick(shape.input, NUM_BETWEEN.get, [shape], [form.controls["num_between"]])

    def on_option(request: gr.Request, said: Update, *chosen: Update) -> Update:
        return with_options(view, request.session_hash or "", said, *chosen)

    controls = [form.controls[name] for name in OPTIONS]
    for control in controls:
        ctx.quick(
            control.input,
            on_option,
            [stage.said, *controls],
            [stage.component],
            trigger_mode="always_last",
        )


def _connect_seed(ctx: Context, form: Form) -> None:
    """The way through the noise draws nothing: its seed is not asked for."""
    row: Any = form.controls["seed"].parent
    while not isinstance(row, gr.Row):
        row = row.parent
    row.visible = False
    method = form.controls["method"]
    ctx.quick(method.change, lambda chosen: gr.update(visible=chosen == "ddpm"), [method], [row])


def with_options(
    view: StageView, session: str, said: Update, there_and_back: bool, fps: float
) -> Update:
    """The stage with the animation of the stored frames with other options, which its files will
    have too; where the visitor was on it."""
    record = view.ctx.store.result(session, TAB)
    if record is None:
        return gr.skip()
    record.options.update(there_and_back=there_and_back, fps=fps)
    told = view.stage.read(said)
    return {**view.result(record), "chosen": told.sample, "layer": told.layer}


def adapt(job: Job, values: Mapping[str, Any]) -> Job:
    """The animation's options are kept beside the recipe."""
    animation = {name: values.get(name, plain) for name, plain in OPTIONS.items()}
    return dataclasses.replace(job, inputs={**job.inputs, "animation": animation})


def to_values(values: dict[str, Any]) -> dict[str, Any]:
    """A line has two of the four ends."""
    if values["shape"] == GRID:
        return values
    unused = {f"{kind}_{letter}" for kind in ("image", "seed") for letter in LETTERS[2:]}
    return {name: value for name, value in values.items() if name not in unused}


def to_controls(recipe: InterpolateRecipe) -> dict[str, Any]:
    """The ends that are seeds; the pictures themselves are not in a recipe."""
    values: dict[str, Any] = {"shape": LINE if len(recipe.ends) == 2 else GRID}
    for letter, end in zip(LETTERS, recipe.ends, strict=False):
        if end != "image":
            values |= {f"image_{letter}": None, f"seed_{letter}": int(end.partition(":")[2])}
    return values


def shape_choices(language: str) -> list[tuple[str, str]]:
    """(title, name) of the line and the grid."""
    return [(text(language, f"interpolate.shape_{name}"), name) for name in (LINE, GRID)]


ARRANGEMENT = Arrangement(
    InterpolateRecipe,
    EXAMPLES,
    controls=ends,
    more=options,
    instead_of=("ends",),
    to_values=to_values,
    to_controls=to_controls,
    adapt=adapt,
    show=shown_of,
    words=report_html,
    exports=EXPORTS,
    make_export=export_interpolation,
    hint="interpolate.hint",
)
