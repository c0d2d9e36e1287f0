"""The Denoise tab: a noisy picture in, a clean one out."""

from __future__ import annotations

from ...tasks.denoise import DenoiseRecipe
from .task.arrangement import Arrangement

_FACE = {"checkpoint": "faces-64", "add_noise_255": 50.0}
_PHOTO = {"checkpoint": "photos", "add_noise_255": 25.0}
EXAMPLES = {
    "restoration.face": {**_FACE, "image": "face-1.png"},
    "restoration.face_sharp": {
        **_FACE,
        "image": "face-2.png",
        "add_noise_255": 75.0,
        "perception": 1.0,
        "num_images": 4,
    },
    "restoration.cat": {**_PHOTO, "image": "cat.png"},
    "restoration.astronaut": {**_PHOTO, "image": "astronaut.png"},
    "restoration.boot": {**_FACE, "image": "boot.png", "checkpoint": "fashion-32"},
}
# A picture of one's own is to be cleaned, not to be made noisy first.
OWN_PICTURE = {"add_noise_255": None}
ARRANGEMENT = Arrangement(DenoiseRecipe, EXAMPLES, own_picture=OWN_PICTURE)
