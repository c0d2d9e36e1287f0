"""A picture reduced by averaging squares of pixels: super-resolution."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .base import TightOperator

# Of the range from -1 to 1: far less than an 8-bit level.
_CLOSE = 2e-5
_HALVINGS = 24


class AveragePool(TightOperator):
    """y = means of k x k squares. A A^T = I / k^2.

    Args:
        factor: k, at least 1; the picture's sides must be multiples of it.
    """

    def __init__(self, factor: int):
        self.factor = factor
        self.gain = 1 / factor**2

    def A(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, self.factor)

    def A_T(self, y: Tensor) -> Tensor:
        return self.gain * self._each(y)

    def within(self, x: Tensor, y: Tensor) -> Tensor:
        """x moved into [-1, 1] with A x = y there: each square is shifted until what is left of it
        within the range has the mean y; squares that are so already stay as they are.

        Alternating projections come close only slowly where y is nearly white or black, and at y =
        1 there is but one answer.

        Args:
            x: [B, C, H, W].
            y: [B, C, H / k, W / k] in [-1, 1].
        """
        clamped = x.clamp(-1, 1)
        y = y.clamp(-1, 1).expand_as(self.A(clamped))
        off = (self.A(clamped) - y).abs() > _CLOSE
        if not bool(off.any()):
            return clamped
        # A shift by 2 beyond the largest value makes every pixel white.
        reach = float(x.abs().max()) + 2
        low, high = torch.full_like(y, -reach), torch.full_like(y, reach)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            too_low = self.A((x + self._each(middle)).clamp(-1, 1)) < y
            low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
        moved = (x + self._each((low + high) / 2)).clamp(-1, 1)
        return torch.where(self._each(off.to(x.dtype)) > 0, moved, clamped)

    def _each(self, y: Tensor) -> Tensor:
        """Every number of y for its whole square."""
        return y.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)

    def observation_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        channels, height, width = image_shape
        return channels, height // self.factor, width // self.factor
