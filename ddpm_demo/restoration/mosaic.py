"""A camera's mosaic: one colour measured at each pixel, the two others interpolated between.

Interpolated linearly, a noisy picture is y = B (M x_0 + n): M takes of every pixel the colour
that its place in squares of 2 x 2 has (Bayer 1976), n is white, and B fills each colour from its
nearest samples. Two ways of B are in use; they differ in what becomes of green where it was
measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE_PX = 2  # of the squares that repeat
_SMOOTH = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
_CROSS = torch.tensor([[0.0, 1, 0], [1, 4, 1], [0, 1, 0]])


@dataclass(frozen=True)
class Mosaic:
    """Which places have which colour, and how the others were filled.

    Args:
        row, column: of red in a square of 2 x 2, 0 or 1 each; blue lies diagonally across, green
            at the two other places.
        smooths_green: where green was measured it is averaged with its four diagonal neighbours
            (normalised convolution with one kernel for all colours); otherwise it stays.
    """

    row: int
    column: int
    smooths_green: bool = False

    def mask(self, like: Tensor) -> Tensor:
        """M, [1, 3, H, W] for pictures like [B, 3, H, W]."""
        mask = torch.zeros_like(like[:1])
        row, column = self.row, self.column
        mask[:, 0, row::2, column::2] = 1
        mask[:, 2, 1 - row :: 2, 1 - column :: 2] = 1
        mask[:, 1, row::2, 1 - column :: 2] = 1
        mask[:, 1, 1 - row :: 2, column::2] = 1
        return mask

    def filled(self, samples: Tensor) -> Tensor:
        """B, of [B, 3, H, W] that are 0 where nothing was measured; at the border the picture is
        reflected, which keeps the squares."""
        padded = F.pad(samples, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, self._kernel(samples), groups=3)

    def filled_T(self, x: Tensor) -> Tensor:
        """The adjoint of `filled`, for samples at every place."""
        spread = F.conv_transpose2d(x, self._kernel(x), groups=3)
        return _folded(_folded(spread, -1), -2)

    def _kernel(self, like: Tensor) -> Tensor:
        """[3, 1, 3, 3]."""
        green = _SMOOTH / 8 if self.smooths_green else _CROSS / 4
        return torch.stack([_SMOOTH / 4, green, _SMOOTH / 4])[:, None].to(like)


def _folded(x: Tensor, axis: int) -> Tensor:
    """What lies beyond both ends added to where it is reflected to: such padding's adjoint."""
    inner = x.narrow(axis, 1, x.shape[axis] - 2).clone()
    inner.narrow(axis, 1, 1).add_(x.narrow(axis, 0, 1))
    inner.narrow(axis, -2, 1).add_(x.narrow(axis, -1, 1))
    return inner
