"""A colour picture seen in grey: colourising."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .base import TightOperator

# ITU-R BT.601, what PIL's convert("L") uses.
LUMA = (0.299, 0.587, 0.114)


class Grey(TightOperator):
    """y = weighted mean of the channels, [B, 1, H, W]. A A^T = |weights|^2 I.

    Args:
        weights: one a channel.
    """

    def __init__(self, weights: Sequence[float] = LUMA):
        self.weights = torch.tensor(weights, dtype=torch.float64).view(1, -1, 1, 1)
        self.gain = float((self.weights**2).sum())

    def A(self, x: Tensor) -> Tensor:
        return (self.weights.to(x) * x).sum(1, keepdim=True)

    def A_T(self, y: Tensor) -> Tensor:
        return self.weights.to(y) * y

    def observation_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        return 1, *image_shape[1:]
