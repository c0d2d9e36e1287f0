"""The Inpaint tab: a part of a picture made anew, or its surroundings."""

from __future__ import annotations

from typing import Any

from ...pictures import masks
from ...restoration.fit import check_side
from ...tasks.inpaint import SIDES, InpaintRecipe
from ..context import Context
from ..restoration.mask_controls import (
    BOX,
    EXPAND,
    PAINT,
    PICTURE,
    PRESET,
    expand_of,
    mask_controls,
    mask_of,
)
from ..restoration.pictures import load_picture
from .task.arrangement import Arrangement
from .task.tab import build_task

TAB = "inpaint"
_EXAMPLE = "face-1.png"
_FACE = {"checkpoint": "faces-64", "mask": PRESET, "num_images": 4}
_PHOTO = {"checkpoint": "photos", "mask": PRESET}
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
    build_task(ctx, ARRANGEMENT)


def to_values(values: dict[str, Any]) -> dict[str, Any]:
    """The mask that the controls say, as a picture; what is wrong is said of the control.

    Raises:
        UserError: no picture, no mask, or a value that cannot be.
    """
    size = load_picture(values["image"]).size
    check_side(*size)
    expand = expand_of(values)
    mask = mask_of(values, size)
    if not any(expand):
        masks.check(mask)
    own = {"mask", "painted", "preset", "invert", "mask_image"}
    own |= {f"{kind}_{side}" for kind in ("box", "expand") for side in SIDES}
    rest = {name: value for name, value in values.items() if name not in own}
    return {**rest, "mask": mask, "expand": expand}


def to_controls(recipe: InpaintRecipe) -> dict[str, Any]:
    """The mask is not in a recipe, but how far the picture was expanded."""
    if not any(recipe.expand):
        return {}
    sides = zip(SIDES, recipe.expand, strict=True)
    return {"mask": EXPAND, **{f"expand_{side}": pixels for side, pixels in sides}}


ARRANGEMENT = Arrangement(
    InpaintRecipe,
    EXAMPLES,
    example_picture=_EXAMPLE,
    checkpoint="faces-64",
    controls=lambda ctx, form: mask_controls(ctx, form, _EXAMPLE),
    instead_of=("expand", "mask"),
    to_values=to_values,
    to_controls=to_controls,
    # Whoever brings a picture wants to say what of it is to go.
    own_picture={"mask": PAINT, "checkpoint": ""},
)
__all__ = ["ARRANGEMENT", "EXAMPLES", "PICTURE", "TAB", "build", "to_controls", "to_values"]
