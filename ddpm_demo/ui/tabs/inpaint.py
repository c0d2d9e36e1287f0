"""The Inpaint tab: a part of a picture made anew, or its surroundings."""

from __future__ import annotations

from typing import Any

from ...pictures import masks
from ...restoration.fit import check_side
from ...tasks.inpaint import SIDES, InpaintRecipe
from ..restoration.mask_controls import expand_of, mask_controls, mask_of
from ..restoration.pictures import load_picture
from ..restoration.stage_picture import MASK
from .task.arrangement import Arrangement

_FACE = {"checkpoint": "faces-64", "num_images": 4}
_PHOTO = {"checkpoint": "photos"}
EXAMPLES = {
    "inpaint.example_centre": {**_FACE, "image": "face-1.png", "preset": "centre"},
    "inpaint.example_half": {**_FACE, "image": "face-2.png", "preset": "half"},
    "inpaint.example_text": {**_PHOTO, "image": "cat.png", "preset": "text"},
    "inpaint.example_scattered": {**_PHOTO, "image": "coffee.png", "preset": "scattered"},
    "inpaint.example_box": {**_PHOTO, "image": "astronaut.png", "box": (2, 60, 20, 90)},
    "inpaint.example_expand": {
        **_PHOTO,
        "image": "rocket.png",
        "expand_left": 24,
        "expand_right": 24,
    },
}


def to_values(values: dict[str, Any]) -> dict[str, Any]:
    """The mask on the stage as a picture, the four sides as one field.

    Raises:
        UserError: no picture, no mask, or a value that cannot be.
    """
    size = load_picture(values["image"]).size
    check_side(*size)
    expand = expand_of(values)
    mask = mask_of(values, size)
    if not any(expand):
        masks.check(mask)
    own = {MASK, "preset", "box", *(f"expand_{side}" for side in SIDES)}
    rest = {name: value for name, value in values.items() if name not in own}
    return {**rest, "mask": mask, "expand": expand}


def to_controls(recipe: InpaintRecipe) -> dict[str, Any]:
    """How far the picture is expanded; the mask is not in a recipe."""
    sides = zip(SIDES, recipe.expand, strict=True)
    return {f"expand_{side}": pixels for side, pixels in sides}


ARRANGEMENT = Arrangement(
    InpaintRecipe,
    EXAMPLES,
    controls=mask_controls,
    instead_of=("expand", "mask"),
    to_values=to_values,
    to_controls=to_controls,
    mask_of=mask_of,
)
