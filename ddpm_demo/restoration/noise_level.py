"""How much noise a picture has, from the picture alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor

PATCH_PX = 7
MAX_PATCHES = 40_000
# Below this many patches a dimension the smallest eigenvalues say little.
PATCHES_A_DIMENSION = 40


def estimate_sigma(x: Tensor) -> float:
    """Standard deviation of white noise in a picture [1, C, H, W], in the units of x; at least 0.

    Chen, Zhu & Heng 2015 ("An efficient statistical method for image noise level estimation",
    algorithm 1). Small patches of a picture fill few dimensions: in the others there is nothing
    but noise, whose eigenvalues lie evenly around sigma^2, so that their mean is their median.
    The largest eigenvalues are dropped until it is. Pictures smaller than 2 x 2 have no noise.
    """
    _, channels, height, width = x.shape
    side = min(PATCH_PX, height - 1, width - 1)
    while side > 1 and _count(height, width, side, 1) < PATCHES_A_DIMENSION * channels * side**2:
        side -= 1
    if side < 1:
        return 0.0
    stride = max(1, math.ceil(math.sqrt(_count(height, width, side, 1) / MAX_PATCHES)))
    patches = x[0].unfold(1, side, stride).unfold(2, side, stride)
    patches = patches.permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1).double()
    eigenvalues = torch.linalg.eigvalsh(torch.atleast_2d(patches.T.cov())).clamp(min=0)
    for count in range(len(eigenvalues), 0, -1):
        kept = eigenvalues[:count]  # ascending
        if float(kept.mean()) <= float(kept.quantile(0.5)):
            break
    return math.sqrt(float(kept.mean()))


def _count(height: int, width: int, side: int, stride: int) -> int:
    """Patches of a picture."""
    return ((height - side) // stride + 1) * ((width - side) // stride + 1)
