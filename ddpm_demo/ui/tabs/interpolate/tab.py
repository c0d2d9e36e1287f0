"""The Interpolate tab: pictures that turn into one another."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr

from ....tasks.interpolate import LETTERS, InterpolateRecipe
from ....texts import text
from ...components.form import Form
from ...components.live_view import live_view
from ...components.panel_view import PanelView
from ...components.result import result_panel, step_slider
from ...components.run_bar import run_bar
from ...components.run_flow import connect_run
from ...context import Context, TaskTab, Update
from ...models import Models
from ...request import job_of
from ...restoration.pictures import example_path
from ...stream import Job
from ..task.arrangement import Arrangement
from ..task.examples import examples_row
from ..task.fields import add_fields, control_values
from .between import between_view
from .ends import GRID, LINE, ends_inputs
from .exports import EXPORTS, export_interpolation

TAB = "interpolate"
NUM_BETWEEN = {LINE: 8, GRID: 3}

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
    form = Form(ctx, TAB)
    with gr.Row(elem_classes=["two-columns"]):
        with gr.Column(elem_classes=["controls"], min_width=280):
            corners = _ends(ctx, form)
            add_fields(ctx, form, ARRANGEMENT)
            bar = run_bar(ctx)
        with gr.Column(elem_classes=["outputs"]):
            live = live_view(ctx)
            scrubber = step_slider(ctx)
            between = between_view(ctx, form, TAB)
            result = result_panel(
                ctx,
                TAB,
                live,
                bar.notice,
                EXPORTS,
                export_interpolation,
                strip=True,
                scrubber=scrubber,
            )
    view = PanelView(live, result, between.outputs, between.values)
    flow = connect_run(ctx, TAB, form, bar, view, lambda values: prepare(ctx.models, values))
    ctx.receive(TAB, form.controls["image_a"])
    examples_row(ctx, form, ARRANGEMENT, flow)
    _connect_shape(ctx, form, corners)
    ctx.task_tabs[TAB] = TaskTab(form, lambda recipe: control_values(ARRANGEMENT, recipe))


def _ends(ctx: Context, form: Form) -> list[gr.Column]:
    """The controls of the ends; returns the columns of those that only a grid has."""
    form.add("shape", gr.Radio, {"choices": shape_choices}, value=LINE, elem_classes=["choices"])
    return ends_inputs(ctx, form)


def _connect_shape(ctx: Context, form: Form, corners: list[gr.Column]) -> None:
    shape = form.controls["shape"]

    def on_shape(shape: str) -> list[Update]:
        return [gr.update(visible=shape == GRID) for _ in corners]

    # Also when an example has set it.
    ctx.quick(shape.change, on_shape, [shape], corners)
    ctx.quick(shape.input, NUM_BETWEEN.get, [shape], [form.controls["num_between"]])


def prepare(models: Models, values: dict[str, Any]) -> Job:
    """The job that the controls ask for.

    Raises:
        UserError: a value that cannot be, a file that is no picture, or no such checkpoint.
    """
    job = job_of(models, InterpolateRecipe, to_values(values))
    animation = {name: values[name] for name in ("there_and_back", "fps")}
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
    instead_of=("ends",),
    to_values=to_values,
    to_controls=to_controls,
)
