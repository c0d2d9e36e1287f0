"""The Interpolate tab: pictures that turn into one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ....errors import UserError
from ....texts import text
from ...components.form import Form
from ...components.live_view import live_view
from ...components.presets import presets_row
from ...components.restore import restore_box
from ...components.result import result_panel, step_slider
from ...components.run_bar import run_bar
from ...components.run_flow import connect_run
from ...components.seed import seed_row
from ...context import Context, Update
from ...models import Models
from ...restoration.pictures import example_path
from ...restoration.tab import connect_restore
from ...stream import Job
from .between import between_view
from .ends import GRID, LINE, ends_inputs, ends_of
from .exports import EXPORTS, export_interpolation

if TYPE_CHECKING:
    from ....pipeline import DDPM
    from ....recipes.recipe import Recipe
    from ....recipes.run import Run

TAB = "interpolate"
DDIM, DDPM_MIX = "ddim", "ddpm"
NUM_BETWEEN = {LINE: 8, GRID: 3}
LAST_T = 1000

_SEEDS = {f"image_{letter}": None for letter in "abcd"} | {
    f"seed_{letter}": k for k, letter in enumerate("abcd")
}
_LINE = {**_SEEDS, "shape": LINE, "num_between": 8, "method": DDIM, "num_steps": 20}


def examples(models: Models) -> dict[str, dict[str, Any]]:
    """Values of the controls by the text key of each example, as far as its checkpoint is here."""
    faces = {"image_a": example_path("face-1.png"), "image_b": example_path("face-2.png")}
    boot = {"image_a": example_path("boot.png"), "seed_b": 3}
    faces_64, fashion_32 = {"checkpoint": "faces-64"}, {"checkpoint": "fashion-32"}
    wanted = {
        "interpolate.example_seeds": _LINE,
        "interpolate.example_pictures": {**_LINE, **faces_64, **faces},
        "interpolate.example_mixed": {**_LINE, **fashion_32, **boot},
        "interpolate.example_ddpm": {
            **_LINE,
            **faces_64,
            **faces,
            "method": DDPM_MIX,
            "t": 500,
            "num_samples": 3,
        },
        "interpolate.example_grid": {**_LINE, "shape": GRID, "num_between": 3},
    }
    here = {info.name for info in models.infos()}
    return {key: v for key, v in wanted.items() if v.get("checkpoint", "") in {"", *here}}


def build(ctx: Context) -> None:
    """Build the tab here."""
    form = Form(ctx, TAB)
    with gr.Row(elem_classes=["two-columns"]):
        with gr.Column(elem_classes=["controls"], min_width=280):
            corners = _controls(ctx, form)
            bar = run_bar(ctx)
            restore = restore_box(ctx)
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
    presets_row(ctx, form, examples(ctx.models))
    connect_run(
        ctx,
        TAB,
        form,
        bar,
        live,
        result,
        lambda values: prepare(ctx.models, values),
        between.outputs,
        between.values,
    )
    ctx.receive(TAB, form.controls["image_a"])
    _connect_visibility(ctx, form, corners)
    connect_restore(ctx, form, restore, bar.notice, control_values, (TAB,))


def _controls(ctx: Context, form: Form) -> list[gr.Column]:
    """The controls; returns the columns of the ends that only a grid has."""
    form.add("shape", gr.Radio, {"choices": shape_choices}, value=LINE, elem_classes=["choices"])
    corners = ends_inputs(ctx, form)
    with gr.Row():
        form.add("num_between", gr.Number, value=NUM_BETWEEN[LINE], precision=0, min_width=80)
        form.add("num_steps", gr.Number, value=20, precision=0, min_width=80)
    form.add("method", gr.Radio, {"choices": method_choices}, value=DDIM, elem_classes=["choices"])
    form.add("t", gr.Slider, minimum=0, maximum=LAST_T, step=1, value=LAST_T // 2, visible=False)
    form.add("num_samples", gr.Number, value=2, precision=0, min_width=80, visible=False)
    with form.more_settings():
        seed_row(ctx, form, TAB)
        form.add("max_evaluations", gr.Slider, minimum=1, maximum=50, step=1, value=12)
    return corners


def _connect_visibility(ctx: Context, form: Form, corners: list[gr.Column]) -> None:
    controls = form.controls

    def on_shape(shape: str) -> list[Update]:
        return [gr.update(visible=shape == GRID) for _ in corners]

    def on_method(method: str) -> list[Update]:
        mixed = method == DDPM_MIX
        return [gr.update(visible=mixed), gr.update(visible=mixed), gr.update(visible=not mixed)]

    # Also when an example has set them.
    ctx.quick(controls["shape"].change, on_shape, [controls["shape"]], corners)
    ctx.quick(
        controls["shape"].input, NUM_BETWEEN.get, [controls["shape"]], [controls["num_between"]]
    )
    dependent = [controls[name] for name in ("t", "num_samples", "max_evaluations")]
    ctx.quick(controls["method"].change, on_method, [controls["method"]], dependent)


def prepare(models: Models, values: Mapping[str, Any]) -> Job:
    """The job that the controls ask for.

    Raises:
        UserError: a value that cannot be, a file that is no picture, or no such checkpoint.
    """
    from ....tasks.interpolate import InterpolateRecipe

    models.check(values["checkpoint"] or "")
    ends, images = ends_of(values)
    names = ["seed", "num_between", "num_steps"]
    names += ["t", "num_samples"] if values["method"] == DDPM_MIX else ["max_evaluations"]
    recipe = InterpolateRecipe(
        checkpoint=values["checkpoint"],
        ends=ends,
        method=values["method"] or "",
        **{name: _present(name, values[name]) for name in names},
    )
    animation = {name: values[name] for name in ("there_and_back", "fps")}
    return Job(recipe, start, {"images": images, "animation": animation})


def control_values(recipe: Any) -> dict[str, Any]:  # noqa: ANN401  an InterpolateRecipe
    """The controls of a recipe; the pictures themselves are not in it."""
    values: dict[str, Any] = {"shape": LINE if len(recipe.ends) == 2 else GRID}
    for letter, end in zip("abcd", recipe.ends, strict=False):
        if end != "image":
            values |= {f"image_{letter}": None, f"seed_{letter}": int(end.partition(":")[2])}
    names = ("num_between", "method", "num_steps", "max_evaluations", "num_samples", "seed")
    values |= {name: getattr(recipe, name) for name in names}
    return {**values, "t": LAST_T // 2 if recipe.t is None else recipe.t}


def start(ddpm: DDPM, recipe: Recipe, inputs: Mapping[str, Any]) -> Run:
    """Start the run of a prepared job."""
    return ddpm.interpolate(recipe, inputs["images"])


def shape_choices(language: str) -> list[tuple[str, str]]:
    """(title, name) of the line and the grid."""
    return [(text(language, f"interpolate.shape_{name}"), name) for name in (LINE, GRID)]


def method_choices(language: str) -> list[tuple[str, str]]:
    """(title, name) of the methods."""
    return [(text(language, f"interpolate.method_{name}"), name) for name in (DDIM, DDPM_MIX)]


def _present(field: str, value: float | None) -> int:
    """The whole number in a box, which None leaves empty."""
    if value is None:
        raise UserError("number_missing", "Enter a number here.", field=field)
    return int(value)
