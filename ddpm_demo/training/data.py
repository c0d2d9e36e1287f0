"""From samples to the batch of a step.

`Samples` hands out sample k of a run as a uint8 picture [H, W, C]; a `Feeder` makes float32 x_0 in
[-1, 1] of them, cut and mirrored as the step's draws say.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .pictures import ArraySource, PackedSource, resize_square
from .randomness import Order, StepDraws

FLAT_STD_255 = 6.0  # a crop that varies less than this is sky, wall or blur
FLAT_SHARE = 0.15  # of the flat crops that are taken all the same
TRIES = 3


class Samples(Protocol):
    """The samples of a run in their order, over all epochs."""

    def sample(self, k: int) -> np.ndarray:
        """The picture of sample k, uint8 [H, W, C], large enough for the largest training size."""
        ...


class IndexedSamples:
    """Samples from pictures that can be had by number, each epoch in a new order."""

    def __init__(self, source: ArraySource | PackedSource, seed: int):
        self.source = source
        self.order = Order(seed, source.num_images)

    def sample(self, k: int) -> np.ndarray:
        return self.source.get(self.order.index(k))


class Feeder:
    """Makes the batch of a step.

    Args:
        samples: the pictures in their order.
        fit: "resize" takes the whole picture, "crop" cuts a square of the step's size at the drawn
            place.
        flips: mirror the pictures that the draws say.
    """

    def __init__(self, samples: Samples, fit: str, flips: bool):
        self.samples = samples
        self.fit = fit
        self.flips = flips

    def batch(self, draws: StepDraws, first_sample: int, part: slice) -> Tensor:
        """x_0 [B, C, S, S], channels-last in memory, of the samples `first_sample` + `part`."""
        rows = range(*part.indices(len(draws.flip)))
        return to_model(np.stack([self._one(first_sample + row, draws, row) for row in rows]))

    def _one(self, k: int, draws: StepDraws, row: int) -> np.ndarray:
        image = self.samples.sample(k)
        if self.fit == "crop":
            image = pick_crop(image, draws.size_px, draws.crop[row])
        else:
            image = resize_square(image, draws.size_px)
        return image[:, ::-1] if self.flips and draws.flip[row] else image


def to_model(images: np.ndarray) -> Tensor:
    """float32 [B, C, H, W] in [-1, 1], channels-last in memory, of uint8 [B, H, W, C]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def pick_crop(image: np.ndarray, size_px: int, places: np.ndarray) -> np.ndarray:
    """A square of `size_px` from uint8 [H, W, C], if possible one that is not flat.

    `places` holds 8 numbers in [0, 1): three places (row, column), and whether a flat one will do,
    so that the network sees some sky too.
    """
    height, width = image.shape[:2]
    for row, column in places[: 2 * TRIES].reshape(TRIES, 2):
        top = int(row * (height - size_px + 1))
        left = int(column * (width - size_px + 1))
        crop = image[top : top + size_px, left : left + size_px]
        if places[-1] < FLAT_SHARE or crop.std(axis=(0, 1)).mean() > FLAT_STD_255:
            break
    return crop
