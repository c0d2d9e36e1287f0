"""The Deblur tab: a picture without its blur."""

from __future__ import annotations

from ...tasks.deblur import DeblurRecipe
from ..context import Context
from .task.arrangement import Arrangement
from .task.tab import build_task

TAB = "deblur"
_BLURRED = {"checkpoint": "photos", "blur_first": True}
EXAMPLES = {
    "deblur.example_focus": {**_BLURRED, "image": "cat.png", "radius_px": 1.5},
    "deblur.example_motion": {
        **_BLURRED,
        "image": "coffee.png",
        "kind": "motion",
        "length_px": 9.0,
        "angle_degrees": 30.0,
    },
}
# A picture of one's own is blurred already.
OWN_PICTURE = {"blur_first": False, "checkpoint": ""}


def build(ctx: Context) -> None:
    """Build the tab here."""
    build_task(ctx, Arrangement(DeblurRecipe, EXAMPLES, own_picture=OWN_PICTURE))
