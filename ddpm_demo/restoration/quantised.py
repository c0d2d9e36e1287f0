"""What a JPEG's file says of its blocks: which multiples of the quantisation's steps they hold.

A coefficient of standard deviation s is the multiple k of its step q with the probability that a
Gaussian lies between (k - 1/2) q and (k + 1/2) q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..pictures.compression import Compression
from ..pictures.profiles import from_srgb
from .artefacts import TO_RGB, blocks_of, table_of
from .calm import SATURATED
from .drawn import LEVELS

BLOCK_PX = 8
MAX_BLOCKS = 4000
MOST = 12  # multiples of a step that are told apart
# Where so many blocks are black or white to the last pixel nothing is said: it may be a page.
MOST_PLAIN = 0.3


@dataclass(frozen=True)
class Quantised:
    """Blocks of brightness that are not saturated.

    Args:
        multiples: [N, 8, 8], absolute ones.
        means: [N] of the pixels, all channels together, in [-1, 1].
        steps: [8, 8], of the quantisation, in 8-bit levels.
    """

    multiples: Tensor
    means: Tensor
    steps: Tensor

    def log_chances(self, levels: Tensor) -> Tensor:
        """log P(|multiple| | level), one sign of it, [levels, 8, 8, MOST + 1].

        Args:
            levels: standard deviations before quantisation, in 8-bit levels.
        """
        multiple = torch.arange(MOST + 1, dtype=torch.float64)
        in_sigmas = self.steps[None, ..., None] / levels[:, None, None, None]
        below, above = (multiple - 0.5) * in_sigmas, (multiple + 0.5) * in_sigmas
        beyond = torch.special.ndtr(-below)
        chance = beyond - torch.special.ndtr(-above)
        chance[..., MOST] = beyond[..., MOST]
        return chance.clamp(min=1e-9).log()

    def of_levels(self, chances: Tensor, is_used: Tensor) -> Tensor:
        """log P(multiples | level), [N, levels].

        Args:
            chances: as `log_chances` gives them.
            is_used: [8, 8], the frequencies that are looked at.
        """
        seen, chances = self.multiples[:, is_used].clamp(max=MOST), chances[:, is_used]
        total = torch.zeros(len(seen), len(chances), dtype=torch.float64)
        for frequency in range(seen.shape[1]):
            total += chances[:, frequency].T[seen[:, frequency]]
        return total


def look(parts: Sequence[Tensor], how: Compression) -> Quantised:
    """The blocks of parts of a picture, evenly thinned.

    Args:
        parts: [1, C, h, w] each in [-1, 1], C 1 or 3, whose corners lie on multiples of 8.
        how: they were compressed.
    """
    steps = table_of(how, 0)
    found = [(torch.zeros(0, BLOCK_PX, BLOCK_PX).long(), torch.zeros(0).double())]
    for part in parts:
        height, width = (side // BLOCK_PX * BLOCK_PX for side in part.shape[2:])
        if not height or not width:
            continue
        whole = part[..., :height, :width].double()
        weights = torch.linalg.inv(TO_RGB)[0] if whole.shape[1] == 3 else torch.ones(1).double()
        plane = torch.einsum("c,bchw->bhw", weights, _in_profile(whole, how.profile)) * LEVELS
        cut = F.avg_pool2d((whole.abs() >= 1).any(1).double(), BLOCK_PX).flatten()
        multiples = (blocks_of(plane) / steps).round().abs().long()
        is_plain = (multiples.flatten(1)[:, 1:] == 0).all(1) & (cut >= SATURATED)
        if float(is_plain.double().mean()) <= MOST_PLAIN:
            means = F.avg_pool2d(whole.mean(1), BLOCK_PX).flatten()
            found.append((multiples[cut < SATURATED], means[cut < SATURATED]))
    every, of_each = (torch.cat(values) for values in zip(*found, strict=True))
    stride = max(1, -(-len(every) // MAX_BLOCKS))
    return Quantised(every[::stride], of_each[::stride], steps)


def _in_profile(values: Tensor, profile: bytes | None) -> Tensor:
    """sRGB [1, C, h, w] in [-1, 1] in a profile's colours; as it is where there is no way back."""
    if profile is None:
        return values
    deep = ((values + 1) * 32767.5).round().clamp(0, 65535)[0].permute(1, 2, 0)
    pixels = deep.numpy().astype(np.uint16)
    try:
        own = from_srgb(pixels if pixels.shape[2] == 3 else pixels[..., 0], profile)
    except ValueError:
        return values
    found = torch.from_numpy(own.astype(np.float64)) / 32767.5 - 1
    return found.view(*found.shape[:2], -1).permute(2, 0, 1)[None]
