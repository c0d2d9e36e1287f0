"""The noise that a picture had before it was compressed, from what JPEG left of it.

Compression sets weak coefficients to 0: in calm blocks that is most of the noise, so that the
calmest patches look empty and `noise_model` takes what is left for texture. The steps of the
quantisation are in the file's header, and with them an interval says how likely each level of
noise makes it. Every block has a level of its own, of noise and texture together; how they are
distributed is the nonparametric maximum likelihood estimate (Kiefer & Wolfowitz 1956, found by
expectation maximisation). Noise is a floor below which there is next to nothing and on which much
lies, and whose high frequencies are as strong as its low ones. Noise of demosaicked or resized
pictures has weak high frequencies; it is told from texture by lying everywhere at one level, and
its spectrum is, at each frequency, the level that makes what is left of it likeliest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..pictures.compression import Compression
from ..pictures.profiles import from_srgb
from .artefacts import TO_RGB, blocks_of, table_of
from .noise_model import LEVELS, SATURATED, NoiseModel, calm_spectrum, without_content

MAX_BLOCKS, MIN_BLOCKS = 4000, 48
# Levels that a block may have, in 8-bit levels of brightness, ascending.
GRID = torch.logspace(math.log10(0.7), math.log10(45), 40, dtype=torch.float64)
EDGES = GRID * (GRID[1] / GRID[0]) ** 0.5
# The same for single frequencies, which may have next to nothing.
FINE = torch.logspace(math.log10(0.25), math.log10(60), 120, dtype=torch.float64)
ROUNDS = 40
# Rows + columns of the frequencies that are looked at: below it a picture is never calm.
LOW = 3
MOST = 12  # multiples of a step that are told apart
# Level that is filled up to, and the power of colours' noise over what calm patches have: they are
# calm because compression emptied them; chosen on training photographs.
OF_BRIGHTNESS, OF_CALM_COLOURS = 1.09, 2.0
AGREES = 0.15
# The floor is where a tenth of the blocks lie below; a fiftieth may not lie far below it, so many
# must lie on it, and at high frequencies there must be as much as white noise has. Chosen on the
# training photographs at 256 x 256 under JPEG 60 to 95, clean and with noise of sigma 7 to 30.
FLOOR_SHARE, LOWEST_SHARE = 0.1, 0.02
LEAST = 4.0
# (by how much the floor may exceed the lowest, what must lie on it): black corners are calmer.
EVEN = ((1.45, 0.34), (2.1, 0.5))
TEXTURE = 0.22
# No texture has so much at high frequencies, so that less need lie on the floor: (flatness, rise,
# share).
VERY_FLAT = (0.92, 1.6, 0.2)
HIGH, LEAST_FLAT, ENOUGH = 6, 0.8, 20
# Noise whose high frequencies are weak: (least level, rise at most, share at least). Of 108 clean
# crops of 27 pictures (the photographs' packages) and 30 of textures the nearest rises by 1.16.
CORRELATED = (3.0, 1.14, 0.3)
# Where so many blocks are black or white to the last pixel nothing is said: it may be a page.
MOST_PLAIN = 0.3


@dataclass(frozen=True)
class Floor:
    """The level that the calm blocks of a picture have.

    Args:
        sigma_255: standard deviation of brightness before compression, in 8-bit levels.
        rise: what it exceeds that of the very calmest by.
        share: of the blocks, that lie on it.
        flatness: of its spectrum: how often high frequencies differ from 0, beside how often white
            noise of this level does; None where it hardly ever does.
        multiples, on_floor, steps: what of which blocks was looked at.
    """

    sigma_255: float
    rise: float
    share: float
    flatness: float | None
    multiples: Tensor = field(repr=False, compare=False)
    on_floor: Tensor = field(repr=False, compare=False)
    steps: Tensor = field(repr=False, compare=False)

    @property
    def is_correlated(self) -> bool:
        """Whether it is noise that had neighbours alike before compression."""
        level, rise, share = CORRELATED
        is_even = self.sigma_255 >= level and self.rise <= rise and self.share >= share
        return is_even and self.flatness is not None and self.flatness < LEAST_FLAT

    @property
    def is_noise(self) -> bool:
        """Whether it is noise that was white before compression, rather than texture."""
        if self.sigma_255 < LEAST:
            return False
        if self._is_very_flat:
            return True
        is_even = any(self.rise <= rise and self.share >= share for rise, share in EVEN)
        return is_even and (self.flatness is None or self.flatness >= LEAST_FLAT)

    def agrees(self, model: NoiseModel) -> bool:
        """Whether it is the noise of a model that is white, as where quality is high."""
        if not model.is_white:
            return False
        weights = torch.linalg.inv(TO_RGB)[0] if len(model.power) == 3 else torch.ones(1)
        of_brightness = model.sigma * LEVELS * float(weights.square().sum()) ** 0.5
        return abs(self.sigma_255 / max(of_brightness, 1e-9) - 1) <= AGREES

    @property
    def is_texture(self) -> bool:
        """Whether so little lies on it that it is no noise of any kind."""
        return self.share < TEXTURE and not self._is_very_flat

    @property
    def _is_very_flat(self) -> bool:
        flatness, rise, share = VERY_FLAT
        is_flat = self.flatness is not None and self.flatness >= flatness
        return is_flat and self.rise <= rise and self.share >= share


def floor(parts: Sequence[Tensor], how: Compression) -> Floor | None:
    """That of a picture; None where nobody can tell.

    Args:
        parts: [1, C, h, w] each in [-1, 1], C 1 or 3, whose corners lie on multiples of 8.
        how: they were compressed.
    """
    steps = table_of(how, 0)
    multiples = _multiples(parts, steps, how.profile)
    if len(multiples) < MIN_BLOCKS:
        return None
    row = torch.arange(8)
    order = row[:, None] + row
    is_used = order >= LOW
    chances = _log_chances(steps[is_used], GRID)
    seen = multiples[:, is_used].clamp(max=MOST)
    shares, posterior = _distribution(seen, chances)
    level, lowest = _quantile(shares, FLOOR_SHARE), _quantile(shares, LOWEST_SHARE)
    place = int((GRID / level).log().abs().argmin())
    on_floor = posterior[:, max(0, place - 2) : place + 3].sum(1)
    is_high = order[is_used] >= HIGH
    told = ((seen > 0) * on_floor[:, None])[:, is_high].sum()
    expected = (on_floor.sum() * (1 - chances[place, :, 0].exp()))[is_high].sum()
    flatness = float(told / expected) if float(expected) >= ENOUGH else None
    share = float(on_floor.mean())
    return Floor(level, level / lowest, share, flatness, multiples, on_floor, steps)


def model(parts: Sequence[Tensor], floor: Floor) -> NoiseModel | None:
    """What compression left of noise, white or correlated.

    Args:
        parts: [1, C, h, w] each in [-1, 1].
        floor: of these parts.

    Returns:
        None where the parts are too small to say what is left in the colours.
    """
    power, _ = calm_spectrum(parts)
    if power is None:
        return None
    same = len(power) / LEVELS**2  # noise in all channels, as brightness has it
    if floor.is_correlated:
        power[0] = same * _spectrum(floor)
        return NoiseModel(power.clamp(min=0).float(), False)
    power[0] = same * floor.sigma_255**2
    power[1:] *= OF_CALM_COLOURS
    level = float(power[0, 0, 0]) ** 0.5
    return NoiseModel(power.clamp(min=0).float(), False, filled_to=OF_BRIGHTNESS * level)


def _multiples(parts: Sequence[Tensor], steps: Tensor, profile: bytes | None) -> Tensor:
    """Absolute multiples of the steps [N, 8, 8] in blocks that are not saturated, of the colours
    of `profile`, None for those of the parts."""
    found = []
    for part in parts:
        whole = part[..., : part.shape[2] // 8 * 8, : part.shape[3] // 8 * 8].double()
        if not whole.numel():
            continue
        weights = torch.linalg.inv(TO_RGB)[0] if whole.shape[1] == 3 else torch.ones(1).double()
        plane = torch.einsum("c,bchw->bhw", weights, _in_profile(whole, profile)) * LEVELS
        cut = (whole.abs() >= 1).any(1).double()
        cut = torch.nn.functional.avg_pool2d(cut, 8).flatten()
        multiples = (blocks_of(plane) / steps).round().abs().long()
        is_plain = (multiples.flatten(1)[:, 1:] == 0).all(1) & (cut >= SATURATED)
        if float(is_plain.double().mean()) <= MOST_PLAIN:
            found.append(multiples[cut < SATURATED])
    every = torch.cat(found) if found else torch.zeros(0, 8, 8, dtype=torch.long)
    return every[:: max(1, -(-len(every) // MAX_BLOCKS))]


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


def _spectrum(floor: Floor) -> Tensor:
    """Power [8, 8] that the blocks of the floor had before compression, in 8-bit levels."""
    chances = _log_chances(floor.steps.flatten(), FINE)
    seen = floor.multiples.flatten(1).clamp(max=MOST)
    likelihood = torch.zeros(len(FINE), seen.shape[1], dtype=torch.float64)
    for multiple in range(MOST + 1):
        count = ((seen == multiple) * floor.on_floor[:, None]).sum(0)
        likelihood += chances[:, :, multiple] * count
    power = FINE[likelihood.argmax(0)].square().view(1, 1, 8, 8)
    smooth = F.avg_pool2d(F.pad(power, (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    return without_content(smooth)[0]


def _log_chances(steps: Tensor, levels: Tensor) -> Tensor:
    """log P(|multiple| | level), one sign of it, [levels, frequencies, MOST + 1]."""
    multiple = torch.arange(MOST + 1, dtype=torch.float64)
    in_sigmas = steps[None, :, None] / levels[:, None, None]
    below, above = (multiple - 0.5) * in_sigmas, (multiple + 0.5) * in_sigmas
    beyond = torch.special.ndtr(-below)
    chance = beyond - torch.special.ndtr(-above)
    chance[..., MOST] = beyond[..., MOST]
    return chance.clamp(min=1e-9).log()


def _distribution(seen: Tensor, chances: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of the levels [levels], and each block's chances of having them [N, levels]."""
    likelihood = torch.zeros(len(seen), len(GRID), dtype=torch.float64)
    for frequency in range(seen.shape[1]):
        likelihood += chances[:, frequency].T[seen[:, frequency]]
    likelihood = (likelihood - likelihood.amax(1, keepdim=True)).exp()
    shares = torch.full_like(GRID, 1 / len(GRID))
    for _ in range(ROUNDS):
        posterior = likelihood * shares
        posterior = posterior / posterior.sum(1, keepdim=True)
        shares = posterior.mean(0)
    return shares, posterior


def _quantile(shares: Tensor, share: float) -> float:
    """The level that so many lie below, between those of the grid."""
    total = shares.cumsum(0)
    right = int(torch.searchsorted(total, share).clamp(max=len(GRID) - 1))
    before = float(total[right - 1]) if right else 0.0
    part = (share - before) / max(float(total[right]) - before, 1e-12)
    step = float(EDGES[1] / EDGES[0])
    return float(EDGES[right]) * step ** (min(part, 1.0) - 1)
