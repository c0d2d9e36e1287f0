"""The Inpaint tab: a part of a picture made anew, or its surroundings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...pictures import masks
from ...texts import text
from ..components.form import Form
from ..context import Context
from ..models import Models
from ..restoration.mask_controls import (
    BOX,
    EXPAND,
    PAINT,
    PRESET,
    SIDES,
    expand_of,
    mask_controls,
    mask_of,
)
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
    show,
)
from ..stream import Job

if TYPE_CHECKING:
    from ...pipeline import DDPM
    from ...recipes.run import Run
    from ...tasks.inpaint import InpaintRecipe

TAB = "inpaint"
ENGINE, REPAINT = "engine", "repaint"
_EXAMPLE = "face-1.png"

_PLAIN = {
    "method": ENGINE,
    "perception": 1.0,
    "num_steps": None,
    "time_travel": None,
    "feather_px": 0,
    "invert": False,
}
_FACE = {**_PLAIN, "checkpoint": "faces-64", "mask": PRESET, "num_images": 4}
_PHOTO = {**_PLAIN, "checkpoint": "photos", "mask": PRESET, "num_images": 1}
EXAMPLES = {
    "inpaint.example_centre": {**_FACE, "image": _EXAMPLE, "preset": "centre"},
    "inpaint.example_half": {**_FACE, "image": "face-2.png", "preset": "half"},
    "inpaint.example_text": {**_PHOTO, "image": "cat.png", "preset": "text"},
    "inpaint.example_scattered": {**_PHOTO, "image": "coffee.png", "preset": "scattered"},
    "inpaint.example_box": {
        **_PHOTO,
        "image": "astronaut.png",
        "mask": BOX,
        "box_left": 2,
        "box_top": 60,
        "box_right": 20,
        "box_bottom": 90,
    },
    "inpaint.example_expand": {
        **_PHOTO,
        "image": "rocket.png",
        "mask": EXPAND,
        "expand_left": 24,
        "expand_top": 0,
        "expand_right": 24,
        "expand_bottom": 0,
    },
}


def build(ctx: Context) -> None:
    """Build the tab here."""
    build_restoration(
        ctx,
        Restoration(
            TAB,
            ("inpaint",),
            _EXAMPLE,
            EXAMPLES,
            _controls,
            prepare,
            control_values,
            target_size,
            ("mask", *(f"expand_{side}" for side in SIDES)),
            ("wide",),
        ),
    )


def _controls(ctx: Context, form: Form) -> None:
    mask_controls(ctx, form, _EXAMPLE)
    samples_row(ctx, form, num_images=4)
    with form.more_settings():
        form.add(
            "method", gr.Radio, {"choices": method_choices}, value=ENGINE, elem_classes=["choices"]
        )
        form.add_optional_number("time_travel")
        perception_slider(form, 1.0)
        form.add("feather_px", gr.Slider, minimum=0, maximum=64, step=1, value=0)
        common_settings(form)
    method, time_travel = form.controls["method"], form.controls["time_travel"]
    ctx.quick(method.change, lambda name: show(name == ENGINE), [method], [time_travel])
    # Whoever brings a picture wants to say what of it is to go.
    ctx.quick(form.controls["image"].upload, lambda: PAINT, None, [form.controls["mask"]])


def prepare(models: Models, values: Mapping[str, Any]) -> Job:
    """The job that the controls ask for.

    Raises:
        UserError: no picture, no mask, or a value that cannot be.
    """
    from ...tasks.inpaint import InpaintRecipe

    image = picture_to_restore(values["image"])
    recipe = InpaintRecipe(
        **common_fields(values),
        method=values["method"],
        time_travel=values["time_travel"] if values["method"] == ENGINE else None,
        feather_px=float(number(values, "feather_px")),
        expand=expand_of(values),
    )
    models.check(recipe.checkpoint)
    mask = mask_of(values, image.size)
    if not any(recipe.expand):
        masks.check(mask)
    return Job(recipe, start, {"image": image, "mask": mask}, extras)


def start(ddpm: DDPM, recipe: InpaintRecipe, inputs: Mapping[str, Any]) -> Run:
    """Start the run of a prepared job."""
    return ddpm.inpaint(recipe, inputs["image"], inputs["mask"])


def control_values(recipe: InpaintRecipe) -> dict[str, Any]:
    """The controls that make this recipe; the mask is not in it."""
    values = {
        "method": recipe.method,
        "time_travel": recipe.time_travel,
        "feather_px": recipe.feather_px,
        **common_values(recipe),
    }
    if any(recipe.expand):
        sides = zip(SIDES, recipe.expand, strict=True)
        values |= {"mask": EXPAND, **{f"expand_{side}": pixels for side, pixels in sides}}
    return values


def target_size(size: Size, values: Mapping[str, Any]) -> Size:
    """Size of the picture that comes out."""
    if values["mask"] != EXPAND:
        return size
    left, top, right, bottom = (int(values[f"expand_{side}"] or 0) for side in SIDES)
    return size[0] + left + right, size[1] + top + bottom


def method_choices(language: str) -> list[tuple[str, str]]:
    """(words, name) of the methods."""
    return [(text(language, f"inpaint.method_{name}"), name) for name in (ENGINE, REPAINT)]
