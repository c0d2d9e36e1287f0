"""Noise that belongs to a place of a large picture, so that pieces that overlap see the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from .window import Window

CELL_PX = 256


class PlacedNoise:
    """Standard normal noise for a window, in the place of a `NoiseSource`.

    Draw k of image i at a pixel is a number of the seed, k and the pixel alone: every window that
    holds the pixel is given the same.

    Args:
        seeds: one an image.
        window: where the pictures lie; what is drawn has its size, and a margin that an operator
            needs lies evenly around it.
        device: where the drawn noise goes.
    """

    is_placed = True

    def __init__(self, seeds: Sequence[int], window: Window, device: torch.device | str = "cpu"):
        self.seeds, self.window, self.device = tuple(seeds), window, torch.device(device)
        self._draws = 0

    def __len__(self) -> int:
        return len(self.seeds)

    def randn(self, image_shape: Sequence[int]) -> Tensor:
        """The next draw, [B, *image_shape]; its middle is the window's."""
        channels, height, width = image_shape
        top = self.window.top + (self.window.height - height) // 2
        left = self.window.left + (self.window.width - width) // 2
        draw, self._draws = self._draws, self._draws + 1
        window = Window(top, left, height, width)
        pictures = [self._picture(seed, draw, channels, window) for seed in self.seeds]
        return torch.stack(pictures).to(self.device)

    def _picture(self, seed: int, draw: int, channels: int, window: Window) -> Tensor:
        rows = range(window.top // CELL_PX, (window.bottom - 1) // CELL_PX + 1)
        columns = range(window.left // CELL_PX, (window.right - 1) // CELL_PX + 1)
        strips = [torch.cat([_cell(seed, draw, channels, i, j) for j in columns], 2) for i in rows]
        top, left = window.top - rows[0] * CELL_PX, window.left - columns[0] * CELL_PX
        whole = torch.cat(strips, 1)
        return whole[:, top : top + window.height, left : left + window.width]


def _cell(seed: int, draw: int, channels: int, row: int, column: int) -> Tensor:
    words = f"{seed} {draw} {row} {column}".encode()
    number = int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "little") >> 1
    generator = torch.Generator("cpu").manual_seed(number)
    return torch.randn(channels, CELL_PX, CELL_PX, generator=generator)
