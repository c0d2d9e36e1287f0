"""The Deblur tab: a picture without its blur."""

from __future__ import annotations

from ...tasks.deblur import DeblurRecipe
from .task.arrangement import Arrangement

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
OWN_PICTURE = {"blur_first": False}
ARRANGEMENT = Arrangement(DeblurRecipe, EXAMPLES, own_picture=OWN_PICTURE)
