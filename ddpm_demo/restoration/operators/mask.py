"""Some pixels seen, others not: inpainting; and all of them seen: denoising."""

from __future__ import annotations

from torch import Tensor

from .base import TightOperator


class Mask(TightOperator):
    """y = mask * x: what is not seen is 0 in y.

    Args:
        mask: [1, 1, H, W] or [B, 1, H, W]; 1 = known, 0 = to fill.
    """

    def __init__(self, mask: Tensor):
        self.mask = mask

    def A(self, x: Tensor) -> Tensor:
        return self.mask * x

    def A_T(self, y: Tensor) -> Tensor:
        return self.mask * y


class Identity(TightOperator):
    """y = x: every pixel seen."""

    def A(self, x: Tensor) -> Tensor:
        return x

    def A_T(self, y: Tensor) -> Tensor:
        return y
