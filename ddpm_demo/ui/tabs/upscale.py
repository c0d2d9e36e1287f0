"""The Upscale tab: a small picture in, a large one out."""

from __future__ import annotations

from ...tasks.upscale import UpscaleRecipe
from .task.arrangement import Arrangement

_REDUCED = {"reduce_first": True}
EXAMPLES = {
    "restoration.face": {**_REDUCED, "image": "face-1.png", "checkpoint": "faces-64"},
    "restoration.face_sharp": {
        **_REDUCED,
        "image": "face-2.png",
        "checkpoint": "faces-64",
        "factor": 8,
        "perception": 1.0,
        "num_images": 4,
    },
    "restoration.rocket": {
        **_REDUCED,
        "image": "rocket.png",
        "checkpoint": "photos",
        "factor": 2,
    },
    "restoration.cat": {**_REDUCED, "image": "cat.png", "checkpoint": "photos"},
    "restoration.boot": {
        **_REDUCED,
        "image": "boot.png",
        "checkpoint": "fashion-32",
        "factor": 2,
    },
}
# A picture of one's own is to be enlarged, not to be reduced first.
OWN_PICTURE = {"reduce_first": False}
ARRANGEMENT = Arrangement(UpscaleRecipe, EXAMPLES, own_picture=OWN_PICTURE)
