"""From a source of pictures to the batches of a step.

A source hands out uint8 pictures [H, W, C] by number; a `Feeder` makes float32 x_0 in [-1, 1] of
them, with flips and crops as the step's draws say.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .randomness import Order, StepDraws

FLAT_STD_255 = 6.0  # a crop that varies less than this is sky, wall or blur


class ImageSource(Protocol):
    """Pictures by number, each uint8 [H, W, C] with the run's number of channels."""

    num_images: int

    def get(self, index: int, size_px: int) -> np.ndarray:
        """Picture `index`; made for training at `size_px`, so a source may hand out a reduced one."""
        ...


class ArraySource:
    """Pictures of one size in an array uint8 [N, H, W, C], possibly a memory map."""

    def __init__(self, images: np.ndarray):
        self.images = images
        self.num_images = len(images)

    def get(self, index: int, size_px: int) -> np.ndarray:
        return np.asarray(self.images[index])


class Feeder:
    """Makes the batch of a step.

    Args:
        source: the pictures.
        seed: of the run, for the order.
        fit: "resize" takes sources of the training size as they are; "crop" cuts `size_px`
            squares at the drawn places and prefers those with something on them.
        flips: mirror the pictures that the draws say.
    """

    def __init__(self, source: ImageSource, seed: int, fit: str, flips: bool):
        self.source = source
        self.order = Order(seed, source.num_images)
        self.fit = fit
        self.flips = flips

    def batch(self, draws: StepDraws, first_sample: int, part: slice) -> Tensor:
        """x_0 [B, C, S, S], channels-last, of samples first_sample + part."""
        start, stop, _ = part.indices(len(draws.flip))
        numbers = self.order.indices(first_sample + start, stop - start)
        images = [
            self._one(int(number), draws, start + i) for i, number in enumerate(numbers)
        ]
        return to_model(np.stack(images))

    def _one(self, number: int, draws: StepDraws, row: int) -> np.ndarray:
        image = self.source.get(number, draws.size_px)
        if self.fit == "crop":
            image = pick_crop(image, draws.size_px, draws.crop[row])
        if self.flips and draws.flip[row]:
            image = image[:, ::-1]
        return image


def to_model(images: np.ndarray) -> Tensor:
    """float32 [B, C, H, W] in [-1, 1], channels-last, of uint8 [B, H, W, C]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def pick_crop(image: np.ndarray, size_px: int, places: np.ndarray) -> np.ndarray:
    """A square of `size_px` from uint8 [H, W, C], the first drawn one that is not flat.

    `places` holds 8 numbers in [0, 1): three tries (row, column), then whether a flat one will do
    after all, so that the network sees some sky too.
    """
    height, width = image.shape[:2]
    accept_flat = places[6] < 0.15
    for row, column in places[:6].reshape(3, 2):
        top = int(row * (height - size_px + 1))
        left = int(column * (width - size_px + 1))
        crop = image[top : top + size_px, left : left + size_px]
        if accept_flat or crop.std(axis=(0, 1)).mean() > FLAT_STD_255:
            break
    return crop
