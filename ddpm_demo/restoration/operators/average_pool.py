"""A picture reduced by averaging squares of pixels: super-resolution."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from .base import TightOperator


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
        repeated = y.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)
        return self.gain * repeated

    def observation_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        channels, height, width = image_shape
        return channels, height // self.factor, width // self.factor
