"""The spectrum of a picture's noise, from the patches that show it best.

It is estimated for brightness and the two axes of colour from the calmest patches (after Colom,
Buades & Morel 2014, "Nonparametric noise estimation method for raw images"), each patch judged by
its energy relative to the spectrum found so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .noise_curve import PATCH_PX
from .spectrum import to_frequencies

MAX_PATCHES = 40_000
# Of patches more of whose pixels are black or white nothing is said: their noise was cut off.
SATURATED = 0.02
# Rows + columns of each frequency.
ORDER = torch.arange(PATCH_PX)[:, None] + torch.arange(PATCH_PX)
MIN_PATCHES = 64
CALM = 0.03  # share of the patches that the spectrum is taken from
TAIL = 1.6  # by how many standard deviations the calmest are below the mean
ROUNDS = 8
# What is left of a picture in calm patches lies below this frequency (rows + columns); noise rises
# towards it no more than that of three pixels' averages does.
LOW = 3
RISE = 1.3


def _patches(y: Tensor, most: int) -> Tensor:
    """[N, C, 8, 8] from all over, without those that touch black or white much."""
    height, width = y.shape[-2:]
    places = (height - PATCH_PX + 1) * (width - PATCH_PX + 1)
    stride = max(1, math.ceil(math.sqrt(places / most)))
    x = y[0].unfold(1, PATCH_PX, stride).unfold(2, PATCH_PX, stride)
    x = x.permute(1, 2, 0, 3, 4).flatten(0, 1)
    inside = (x.abs() >= 1).float().mean((1, 2, 3)) < SATURATED
    return x[inside] if int(inside.sum()) >= MIN_PATCHES else x


def calm_spectrum(parts: Sequence[Tensor]) -> tuple[Tensor | None, float]:
    """Of the calmest patches, as `NoiseModel.power`, and how uneven calm ones are; None where
    there are too few."""
    parts = [part for part in parts if min(part.shape[-2:]) >= 2 * PATCH_PX]
    if not parts:
        return None, math.inf
    patches = torch.cat([_patches(part, MAX_PATCHES // len(parts)) for part in parts])
    if len(patches) < MIN_PATCHES:
        return None, math.inf
    energy = to_frequencies(patches).square().flatten(2)[..., 1:].double()  # without the mean
    power = energy.median(0).values / 0.455
    size = power.numel()
    calm = max(MIN_PATCHES // 2, round(CALM * len(energy)))
    for _ in range(ROUNDS):
        floor = power.mean() * 0.02 + 1e-9
        surprise = (energy / (power + floor)).mean((1, 2))
        kept = energy[surprise.topk(calm, largest=False).indices]
        power = kept.mean(0)
    # The calmest of equally noisy patches are calm by chance: a chi-square's lower tail.
    power = power / (1 - TAIL * math.sqrt(2 / size))
    first = power[:, [0, PATCH_PX - 1]].mean(1, keepdim=True)  # (0, 1) and (1, 0)
    power = torch.cat([first, power], 1).view(-1, PATCH_PX, PATCH_PX)
    smooth = F.avg_pool2d(F.pad(power[None], (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    smooth = without_content(smooth)
    floor = smooth.mean() * 0.02 + 1e-9
    surprise = (energy / (smooth.flatten(1)[:, 1:] + floor)).mean((1, 2))
    few, more = surprise.sort().values[[len(surprise) // 50, len(surprise) // 10]].tolist()
    return smooth, more / max(few, 1e-9)


def without_content(power: Tensor) -> Tensor:
    """[C, 8, 8] whose low frequencies rise no faster than noise's do: what is more is picture."""
    power = power.clone()
    for row in range(LOW, -1, -1):  # downwards, each against the next two
        here, above = row == ORDER, (row + 1 == ORDER) | (row + 2 == ORDER)
        limit = RISE * power[:, above].mean(1, keepdim=True)
        power[:, here] = torch.minimum(power[:, here], limit)
    return power
