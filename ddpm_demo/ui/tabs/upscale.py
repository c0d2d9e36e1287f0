"""The Upscale tab: a small picture in, a large one out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...texts import text
from ..components.form import Form
from ..context import Context
from ..models import Models
from ..restoration.outcome import extras
from ..restoration.pictures import Size, picture_to_restore
from ..restoration.tab import (
    Restoration,
    build_restoration,
    common_fields,
    common_settings,
    common_values,
    number,
    perception_slider,
    samples_row,
)
from ..stream import Job

if TYPE_CHECKING:
    from ...pipeline import DDPM
    from ...recipes.run import Run
    from ...tasks.upscale import UpscaleRecipe

TAB = "upscale"
FACTORS = (2, 3, 4, 8)
UPLOAD, REDUCED = "upload", "reduced"

_PLAIN = {
    "start_from": REDUCED,
    "factor": 4,
    "sigma_255": 0.0,
    "perception": 0.0,
    "num_images": 1,
    "num_steps": None,
}
EXAMPLES = {
    "restoration.face": {**_PLAIN, "image": "face-1.png", "checkpoint": "faces-64"},
    "restoration.face_sharp": {
        **_PLAIN,
        "image": "face-2.png",
        "checkpoint": "faces-64",
        "factor": 8,
        "perception": 1.0,
        "num_images": 4,
    },
    "restoration.rocket": {**_PLAIN, "image": "rocket.png", "checkpoint": "photos", "factor": 2},
    "restoration.cat": {**_PLAIN, "image": "cat.png", "checkpoint": "photos"},
    "restoration.boot": {**_PLAIN, "image": "boot.png", "checkpoint": "fashion-32", "factor": 2},
}


def build(ctx: Context) -> None:
    """Build the tab here."""
    build_restoration(
        ctx,
        Restoration(
            TAB,
            ("upscale",),
            "face-1.png",
            EXAMPLES,
            _controls,
            prepare,
            control_values,
            target_size,
            ("factor", "start_from"),
        ),
    )


def _controls(ctx: Context, form: Form) -> None:
    form.add(
        "factor",
        gr.Radio,
        choices=[(f"× {factor}", factor) for factor in FACTORS],
        value=4,
        elem_classes=["choices"],
    )
    form.add(
        "start_from",
        gr.Radio,
        {"choices": start_choices},
        value=REDUCED,
        elem_classes=["choices"],
    )
    perception_slider(form, 0.0)
    samples_row(ctx, form)
    with form.more_settings():
        form.add("sigma_255", gr.Slider, minimum=0, maximum=50, step=0.5, value=0)
        common_settings(form)
    # A picture of one's own is to be enlarged, not to be reduced first.
    ctx.quick(form.controls["image"].upload, lambda: UPLOAD, None, [form.controls["start_from"]])


def prepare(models: Models, values: Mapping[str, Any]) -> Job:
    """The job that the controls ask for.

    Raises:
        UserError: no picture, or a value that cannot be.
    """
    from ...tasks.upscale import UpscaleRecipe

    recipe = UpscaleRecipe(
        **common_fields(values),
        factor=number(values, "factor"),
        sigma_255=float(number(values, "sigma_255")),
        reduce_first=values["start_from"] == REDUCED,
    )
    models.check(recipe.checkpoint)
    return Job(recipe, start, {"image": picture_to_restore(values["image"])}, extras)


def start(ddpm: DDPM, recipe: UpscaleRecipe, inputs: Mapping[str, Any]) -> Run:
    """Start the run of a prepared job."""
    return ddpm.upscale(recipe, inputs["image"])


def control_values(recipe: UpscaleRecipe) -> dict[str, Any]:
    """The controls that make this recipe."""
    return {
        "factor": recipe.factor,
        "start_from": REDUCED if recipe.reduce_first else UPLOAD,
        "sigma_255": recipe.sigma_255,
        **common_values(recipe),
    }


def target_size(size: Size, values: Mapping[str, Any]) -> Size:
    """Size of the picture that comes out."""
    if values["start_from"] == REDUCED or not values["factor"]:
        return size
    return size[0] * int(values["factor"]), size[1] * int(values["factor"])


def start_choices(language: str) -> list[tuple[str, str]]:
    """(words, name) of what is enlarged."""
    return [(text(language, f"upscale.start_{name}"), name) for name in (UPLOAD, REDUCED)]
