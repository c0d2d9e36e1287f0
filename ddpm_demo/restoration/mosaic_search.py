"""Whether noise came through a camera's mosaic, and how strong it was before, from the picture.

Interpolated pixels are averages: their noise is weaker, and neighbours are alike, differently at
the four places of a square of 2 x 2 (Gallagher & Chen 2008). What that looks like, under the very
compression of the file, is simulated on plain grey for several levels of noise, and compared with
the calmest blocks of the picture.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..pictures.compression import Compression
from .calm import SATURATED
from .chains import LEVELS
from .mosaic import Mosaic
from .operators import LUMA

BLOCK_PX = 8
CALM = 0.2  # share of the blocks that is looked at
MIN_BLOCKS = 24
# Second differences across, down, and across both.
FILTERS = torch.tensor(
    [
        [[0.0, 0, 0], [-1, 2, -1], [0, 0, 0]],
        [[0, -1, 0], [0, 2, 0], [0, -1, 0]],
        [[0.5, -1, 0.5], [-1, 2, -1], [0.5, -1, 0.5]],
    ]
)
# Levels that are simulated, in 8-bit levels, on a picture of so many pixels a side.
SIMULATED = (4.0, 6.0, 9.0, 13.0, 19.0, 28.0, 42.0)
SIMULATED_PX = 256
GREY = 128.0
# Root mean square of the logarithm of what is found over what was simulated, at most; and of what
# was simulated over its mean over the four places, at least: less cannot be told from chance.
NEAR, TELLING = 0.12, 0.06
# How much nearer it must be than noise that is the same at all places would be; and so much nearer
# it may lie farther than that: texture, which is the same at all places, is in calm blocks, too.
BETTER, FAR_BETTER = 0.6, 0.4
# Of a quantisation table in 8 bits; with others nothing would be left of noise.
MAX_STEP = 255


@dataclass(frozen=True)
class Found:
    """A mosaic that noise came through.

    Args:
        mosaic: which.
        sigma: standard deviation of the noise of its samples, in [-1, 1] units.
    """

    mosaic: Mosaic
    sigma: float


def find(parts: Sequence[Tensor], how: Compression | None) -> Found | None:
    """The mosaic behind a noisy picture.

    Args:
        parts: [1, 3, h, w] each in [-1, 1], on the CPU, whose corners lie on even places.
        how: they were compressed; None for what was not.

    Returns:
        None where nothing speaks for one.
    """
    if how is not None and max(map(max, how.tables)) > MAX_STEP:
        return None
    blocks = torch.cat([_energies(part) for part in parts])
    if len(blocks) < MIN_BLOCKS:
        return None
    seen = _calm(blocks)
    if not bool((seen > 0).all()):
        return None
    best: tuple[float, Found] | None = None
    for smooths_green in (False, True):
        made = simulated(smooths_green, how and (how.tables, how.subsampling))
        sigma, like = _at(made, float(seen.sum()))
        if sigma is None or _spread(like) < TELLING:
            continue
        for row in (0, 1):
            for column in (0, 1):
                turned = like.roll((row, column), (1, 2))
                distance = _rms((seen / turned).log())
                if best is None or distance < best[0]:
                    mosaic = Mosaic(row, column, smooths_green)
                    best = distance, Found(mosaic, sigma / LEVELS)
    if best is None:
        return None
    distance, spread = best[0], _spread(seen)
    is_near = distance < min(NEAR, BETTER * spread) or distance < FAR_BETTER * spread
    return best[1] if is_near else None


@lru_cache(maxsize=16)
def simulated(smooths_green: bool, how: tuple[tuple[tuple[int, ...], ...], str] | None) -> Tensor:
    """What `_calm` finds in plain grey whose noise came through a mosaic with red at (0, 0).

    Args:
        smooths_green: see `Mosaic`.
        how: tables and subsampling of the compression after that.

    Returns:
        [levels, filters, 2, 2].
    """
    noise = np.random.default_rng(0).standard_normal((SIMULATED_PX, SIMULATED_PX, 3))
    drawn = torch.from_numpy(noise).permute(2, 0, 1)[None].float()
    mosaic, found = Mosaic(0, 0, smooths_green), []
    for sigma in SIMULATED:
        values = GREY + sigma * mosaic.filled(mosaic.mask(drawn) * drawn)
        pixels = values[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()
        if how is not None:
            pixels = _compressed(pixels, *how)
        again = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
        found.append(_calm(_energies(again / LEVELS - 1)))
    return torch.stack(found)


def _compressed(
    pixels: np.ndarray, tables: tuple[tuple[int, ...], ...], subsampling: str
) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(
        file, "JPEG", qtables=[list(table) for table in tables[:2]], subsampling=subsampling
    )
    return np.asarray(Image.open(file))


def _energies(part: Tensor) -> Tensor:
    """Mean squares of second differences of brightness, at the four places, of each block.

    Returns:
        [N, filters, 2, 2], in 8-bit levels squared.
    """
    high, wide = (side // BLOCK_PX * BLOCK_PX for side in part.shape[-2:])
    part = part[:, :, :high, :wide]
    if high < 2 * BLOCK_PX or wide < 2 * BLOCK_PX:
        return part.new_zeros(0, len(FILTERS), 2, 2)
    grey = torch.einsum("c,bchw->bhw", part.new_tensor(LUMA), part)[:, None] * LEVELS
    padded = F.pad(grey, (1, 1, 1, 1), mode="reflect")
    squares = F.conv2d(padded, FILTERS[:, None].to(part)).square()[0]
    half = BLOCK_PX // 2
    shape = (len(FILTERS), high // BLOCK_PX, half, 2, wide // BLOCK_PX, half, 2)
    means = squares.view(shape).mean((2, 5))  # filters, rows, 2, columns, 2
    cut = (part.abs() >= 1).any(1, keepdim=True).float()
    inside = F.avg_pool2d(cut, BLOCK_PX)[0, 0] < SATURATED
    return means.permute(1, 3, 0, 2, 4)[inside]


def _calm(blocks: Tensor) -> Tensor:
    """The mean of the calmest blocks [filters, 2, 2]."""
    count = max(MIN_BLOCKS // 2, round(CALM * len(blocks)))
    totals = blocks.sum((1, 2, 3))
    return blocks[totals.topk(min(count, len(blocks)), largest=False).indices].double().mean(0)


def _at(made: Tensor, total: float) -> tuple[float | None, Tensor]:
    """The level at which what was simulated has so much in all, and what it has there; None
    outside of what was simulated, and where compression leaves next to nothing of it."""
    totals = made.sum((1, 2, 3))
    index = int((totals <= total).sum())
    if not 0 < index < len(totals) or not bool((made[index - 1 : index + 1] > 0).all()):
        return None, made[0]
    low, high = float(totals[index - 1]), float(totals[index])
    share = math.log(total / low) / math.log(high / low)
    sigma = SIMULATED[index - 1] ** (1 - share) * SIMULATED[index] ** share
    return sigma, torch.lerp(made[index - 1].log(), made[index].log(), share).exp()


def _spread(energies: Tensor) -> float:
    """How differently the four places have it."""
    return _rms((energies / energies.mean((1, 2), keepdim=True)).log())


def _rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())
