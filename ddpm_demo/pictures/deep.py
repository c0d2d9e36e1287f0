"""Pixels of more than 8 bits that go with a picture which Pillow holds in 8: its deep pixels.

As `compression`, they go with the very picture that they were attached to and with no other:
whatever makes a new picture of it (reduced, pasted over, another mode) leaves them behind.
"""

from __future__ import annotations

import numpy as np
from PIL import Image


def attach(image: Image.Image, pixels: np.ndarray | None) -> Image.Image:
    """The same picture, which knows them from now on; None takes them away.

    Args:
        image: mode L, RGB or RGBA, whose transparency stays as it is in 8 bits.
        pixels: uint16 [H, W] or [H, W, 3] in sRGB, white at 65,535; held, not copied.
    """
    image.deep = pixels
    return image


def deep_of(image: Image.Image) -> np.ndarray | None:
    """What is attached to a picture, None where nothing is or it is of another size."""
    found = getattr(image, "deep", None)
    if not isinstance(found, np.ndarray) or found.dtype != np.uint16:
        return None
    return found if found.shape[:2] == (image.height, image.width) else None


def num_bytes(image: Image.Image) -> int:
    """That a picture takes: a byte a sample, and its deep pixels."""
    found = deep_of(image)
    shallow = image.width * image.height * len(image.getbands())
    return shallow + (0 if found is None else found.nbytes)


def framed(pixels: np.ndarray, sides: tuple[int, int, int, int], level: int) -> np.ndarray:
    """A copy with so many pixels of one grey level (0 to 65,535) at its left, top, right and
    bottom."""
    left, top, right, bottom = sides
    around = ((top, bottom), (left, right), (0, 0))[: pixels.ndim]
    return np.pad(pixels, around, constant_values=level)
