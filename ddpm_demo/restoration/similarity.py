"""PSNR and SSIM of large pictures: strip by strip, and only where they may differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..pictures.similarity import SSIM_WINDOW_PX, ssim
from .canvas import from_pixels
from .window import Window

STRIP_ROWS = 512
# In a whole picture of more than so many pixels every second place of SSIM's window counts along
# either side: 12 megapixels took 10 seconds and take 4, and differ in the fifth decimal.
MANY_PIXELS, EVERY = 4_000_000, 2
# Equal pictures are said to be so like: JSON has no infinity.
MAX_PSNR = 100.0


@dataclass(frozen=True)
class Likeness:
    """PSNR in dB, at most 100, and SSIM."""

    psnr: float
    ssim: float


def likeness(a: np.ndarray, b: np.ndarray, changed: Sequence[Window] | None = None) -> Likeness:
    """Of two pictures [H, W] or [H, W, 3] of one type and size.

    Args:
        a, b: the pictures.
        changed: where they may differ; elsewhere they are taken to be equal. None for everywhere.
    """
    height, width = a.shape[:2]
    windows = joined(changed) if changed is not None else [Window(0, 0, height, width)]
    squares = 0.0
    for strip in _strips(windows):
        difference = a[strip.slices].astype(np.float32) - b[strip.slices]
        squares += float(np.square(difference).sum(dtype=np.float64))
    mse = squares / a.size / float(np.iinfo(a.dtype).max) ** 2
    psnr = min(MAX_PSNR, -10 * math.log10(mse)) if mse > 0 else MAX_PSNR

    # A place of SSIM's Gaussian window is named by its first pixel.
    reach = min(SSIM_WINDOW_PX, height, width) - 1
    places = Window(0, 0, height - reach, width - reach)
    every = EVERY if changed is None and height * width > MANY_PIXELS else 1
    missing = 0.0
    for strip in _strips(joined([_touching(window, reach, places) for window in windows])):
        seen = Window(strip.top, strip.left, strip.height + reach, strip.width + reach)
        x, y = (from_pixels(v[seen.slices], 1 if v.ndim == 2 else 3) for v in (a, b))
        missing += (1 - ssim(x, y, every)) * strip.num_pixels
    return Likeness(psnr, 1 - missing / places.num_pixels)


def joined(windows: Sequence[Window]) -> list[Window]:
    """Windows that hold the same pixels, and perhaps more, no two of which overlap."""
    found: list[Window] = []
    for window in windows:
        while any(window.overlaps(other) for other in found):
            apart = [other for other in found if not window.overlaps(other)]
            for other in found:
                if window.overlaps(other):
                    window = window.around(other)
            found = apart
        found.append(window)
    return found


def _touching(window: Window, reach: int, places: Window) -> Window:
    top, left = max(0, window.top - reach), max(0, window.left - reach)
    bottom, right = min(window.bottom, places.bottom), min(window.right, places.right)
    return Window(top, left, bottom - top, right - left)


def _strips(windows: Sequence[Window]) -> Iterator[Window]:
    for window in windows:
        for top in range(window.top, window.bottom, STRIP_ROWS):
            rows = min(STRIP_ROWS, window.bottom - top)
            yield Window(top, window.left, rows, window.width)
