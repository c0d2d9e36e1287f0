"""The noise around a hole: what is known there is not exact, and a filling without it looks wiped.

Of y = x_0 + n the known pixels come back as they are, n with them; x_0 behind the hole is
continued from what they say of x_0, which they say up to sigma_y. A sample is then given noise of
the same spectrum, as in y.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from ..pictures.compression import Compression
from .artefacts import MULTIPLE_PX
from .drawn import NOTHING
from .noise_in_file import found_in
from .noise_model import FILTER_MARGIN_PX, NoiseModel, filtered
from .placed_noise import PlacedNoise
from .window import Window

# What is looked at: squares near the holes, the first of these sides of which there are enough.
SIDES_PX = (128, 64, 32)
NEAR_PX = 384
ENOUGH_PIXELS = 3 * 64**2
# A few say at once that there is no noise, mostly; that there is some is believed to all: squares
# side by side may share a texture (by the few there was "noise" at 5 of 102 holes in clean ones).
FEW_SQUARES, MOST_SQUARES = 4, 12
# Of `PlacedNoise`, beside those of the chains and of added noise.
SEED = 2**43
_SAMPLE_PX = 256


@dataclass(frozen=True)
class Grain:
    """Noise of a picture, as far as holes in it are concerned.

    Args:
        model: as `noise_estimate.estimate` has it, of one channel where all hold the same.
        channels: of the pictures that are filled.
        seed: of the samples' noise.
    """

    model: NoiseModel
    channels: int
    seed: int

    def level(self, factor: int) -> float:
        """sigma_y of a picture reduced so many times by means of squares, in [-1, 1] units.

        White noise falls by the factor, what neighbours share does not: a draw says by how much.
        Where channels hold the same, the one number counts `channels` times.
        """
        window = Window(0, 0, _SAMPLE_PX, _SAMPLE_PX)
        seen = F.avg_pool2d(self._drawn([0], window), factor)
        along = math.sqrt(self.channels) * seen.mean(1)  # brightness, in orthonormal axes
        return max(float(along.std()), float(seen.std()))

    def noise(self, window: Window, x: Tensor) -> Tensor:
        """For pictures x [B, C, h, w] of a window; a pixel's is the same in every window."""
        first = self.seed + SEED
        drawn = self._drawn(range(first, first + len(x)), window).to(x)
        return drawn * self.model.strength(x)

    def _drawn(self, seeds: Sequence[int], window: Window) -> Tensor:
        channels, more = len(self.model.power), 2 * FILTER_MARGIN_PX
        shape = (channels, window.height + more, window.width + more)
        # Counted from further off, so that the filter's margin lies within.
        away = Window(window.top + more, window.left + more, window.height, window.width)
        drawn = PlacedNoise(seeds, away).randn(shape)
        return filtered(drawn, self.model.grid().sqrt()).expand(-1, self.channels, -1, -1)


def find(
    view: Callable[[Window], Tensor],
    unknown: np.ndarray,
    boxes: Sequence[Window],
    channels: int,
    is_copied: bool,
    compression: Compression | None,
    seed: int,
) -> Grain | None:
    """The noise near holes; None where there is none to speak of, or too little to look at.

    Args:
        view: a window of the picture, [1, C, h, w] in [-1, 1].
        unknown: bool [H, W]; what is True is not looked at.
        boxes: windows around the holes.
        channels: C.
        is_copied: all channels hold the same.
        compression: of the JPEG whose pixels these are; None for others.
        seed: of the run.
    """
    squares = _squares(unknown, boxes)

    def look(some: Sequence[Window]) -> NoiseModel:
        parts = [view(square).cpu() for square in some]
        if is_copied:
            parts = [part.mean(1, keepdim=True) for part in parts]
        return found_in(parts, compression)

    for some in (squares[:FEW_SQUARES], squares):
        if not some or (model := look(some)).sigma < NOTHING:
            return None
    return Grain(model, channels, seed)


def _squares(unknown: np.ndarray, boxes: Sequence[Window]) -> list[Window]:
    """Squares without an unknown pixel, none over another, the holes' in turn, the nearest first;
    none where they are too few to tell."""
    for side in SIDES_PX:
        taken: list[Window] = []
        waiting = [_around(unknown, box, side) for box in boxes]
        while waiting and len(taken) < MOST_SQUARES:
            waiting = [one for one in waiting if _take(one, taken)]
        if len(taken) * side**2 >= ENOUGH_PIXELS:
            return taken[:MOST_SQUARES]
    return []


def _take(squares: Iterator[Window], taken: list[Window]) -> bool:
    """Add the next that lies over none that is taken; False when there are no more."""
    for square in squares:
        if not any(square.overlaps(other) for other in taken):
            taken.append(square)
            return True
    return False


def _around(unknown: np.ndarray, box: Window, side: int) -> Iterator[Window]:
    """Squares within reach of a box, on JPEG's own grid."""
    height, width = unknown.shape
    step = max(MULTIPLE_PX, side // 2)
    rows = range(_down(box.top - NEAR_PX), min(height, box.bottom + NEAR_PX) - side + 1, step)
    columns = range(_down(box.left - NEAR_PX), min(width, box.right + NEAR_PX) - side + 1, step)
    middle = (box.top + box.bottom - side) / 2, (box.left + box.right - side) / 2
    places = [(row, column) for row in rows for column in columns]
    places.sort(key=lambda at: math.dist(at, middle))
    for row, column in places:
        square = Window(row, column, side, side)
        if not unknown[square.slices].any():
            yield square


def _down(place: int) -> int:
    return max(0, place) // MULTIPLE_PX * MULTIPLE_PX
