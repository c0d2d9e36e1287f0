"""A large picture made strip by strip, so that only a strip of it is ever held as floats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .canvas import to_pixels
from .window import Window

STRIP_ROWS = 256


def strips(height: int, width: int, rows: int = STRIP_ROWS) -> list[Window]:
    """Windows of so many rows that cover a picture."""
    return [Window(top, 0, min(rows, height - top), width) for top in range(0, height, rows)]


@torch.inference_mode()
def by_strips(
    like: np.ndarray, make: Callable[[Window], Tensor], rows: int = STRIP_ROWS
) -> np.ndarray:
    """A picture like another one, from what `make` gives for windows of it."""
    result = np.empty_like(like)
    for window in strips(*like.shape[:2], rows):
        result[window.slices] = to_pixels(make(window)[0], like.ndim == 2, like.dtype)
    return result


def with_margin(pixels: np.ndarray, window: Window, margin: int) -> np.ndarray:
    """A window and its surroundings; beyond the picture its edge goes on."""
    height, width = pixels.shape[:2]
    rows = np.arange(window.top - margin, window.bottom + margin).clip(0, height - 1)
    columns = np.arange(window.left - margin, window.right + margin).clip(0, width - 1)
    return pixels[rows[:, None], columns[None]]
