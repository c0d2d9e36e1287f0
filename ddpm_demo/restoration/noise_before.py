"""The noise that a picture had before it was compressed, from what JPEG left of it.

Compression sets weak coefficients to 0: in calm blocks that is most of the noise, so that the
calmest patches look empty and `noise_estimate` takes what is left for texture. The steps of the
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

import torch
from torch import Tensor
from torch.nn import functional as F

from . import noise_likelihood
from .artefacts import TO_RGB
from .calm import ORDER, calm_spectrum, without_content
from .drawn import LEVELS
from .noise_curve import NoiseCurve
from .noise_likelihood import LOW
from .noise_model import NoiseModel
from .quantised import MOST, Quantised

MIN_BLOCKS = 48
# Levels that a block may have, in 8-bit levels of brightness, ascending.
GRID = torch.logspace(math.log10(0.7), math.log10(45), 40, dtype=torch.float64)
EDGES = GRID * (GRID[1] / GRID[0]) ** 0.5
# The same for single frequencies, which may have next to nothing.
FINE = torch.logspace(math.log10(0.25), math.log10(60), 120, dtype=torch.float64)
ROUNDS = 40
# Places in the grids by which noise may be stronger here than there.
MOST_SHIFT = 16
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
IS_USED, IS_HIGH = ORDER >= LOW, ORDER >= HIGH
# Noise whose high frequencies are weak: (least level, rise at most, share at least). Of 108 clean
# crops of 27 pictures (the photographs' packages) and 30 of textures the nearest rises by 1.16.
CORRELATED = (3.0, 1.14, 0.3)


@dataclass(frozen=True)
class Floor:
    """The level that the calm blocks of a picture have.

    Args:
        sigma_255: standard deviation of brightness before compression, in 8-bit levels.
        rise: what it exceeds that of the very calmest by.
        share: of the blocks, that lie on it.
        flatness: of its spectrum: how often high frequencies differ from 0, beside how often white
            noise of this level does; None where it hardly ever does.
        seen, on_floor: the blocks, and which of them lie on it.
        stronger: logarithm of what noise has in each over the root mean square.
        curve: what says so; None for noise that is the same everywhere.
    """

    sigma_255: float
    rise: float
    share: float
    flatness: float | None
    seen: Quantised = field(repr=False, compare=False)
    on_floor: Tensor = field(repr=False, compare=False)
    stronger: Tensor = field(repr=False, compare=False)
    curve: NoiseCurve | None = None

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


def floor(
    parts: Sequence[Tensor], seen: Quantised, curve: NoiseCurve | None = None
) -> Floor | None:
    """That of a picture; None where nobody can tell.

    Args:
        parts: [1, C, h, w] each in [-1, 1].
        seen: their blocks.
        curve: how noise depends on the brightness, up to a factor: the floor is then what has the
            same share of it everywhere, and its level is the root mean square.
    """
    if len(seen.multiples) < MIN_BLOCKS:
        return None
    stronger = torch.zeros_like(seen.means)
    if curve is not None:
        stronger = curve.variance(seen.means).sqrt().log() - math.log(curve.sigma(parts))
    shift = _shift(stronger, GRID)
    chances = seen.log_chances(_longer(GRID))
    likelihood = seen.of_levels(chances, IS_USED)
    likelihood = likelihood.gather(1, shift[:, None] + torch.arange(len(GRID)))
    _, shares, posterior = noise_likelihood.mixture(likelihood, ROUNDS)
    level, lowest = _quantile(shares, FLOOR_SHARE), _quantile(shares, LOWEST_SHARE)
    place = int((GRID / level).log().abs().argmin())
    on_floor = posterior[:, max(0, place - 2) : place + 3].sum(1)
    told = ((seen.multiples[:, IS_HIGH] > 0) * on_floor[:, None]).sum()
    empty = chances[place + shift][:, IS_HIGH, 0].exp()
    expected = (on_floor[:, None] * (1 - empty)).sum()
    flatness = float(told / expected) if float(expected) >= ENOUGH else None
    share = float(on_floor.mean())
    return Floor(level, level / lowest, share, flatness, seen, on_floor, stronger, curve)


def curve(parts: Sequence[Tensor], seen: Quantised) -> NoiseCurve | None:
    """How noise depends on the brightness; None where it does not, or nobody can tell.

    Args:
        parts: [1, C, h, w] each in [-1, 1].
        seen: their blocks.
    """
    if len(seen.multiples) < noise_likelihood.MIN_BLOCKS:
        return None
    levels = _longer(GRID)
    chances = seen.of_levels(seen.log_chances(levels), IS_USED)
    blocks = noise_likelihood.Blocks(seen.means, levels / LEVELS, chances)
    found = noise_likelihood.fit(blocks, parts[0].shape[1] > 1)
    return None if found is None else found.reaching(parts)


def model(parts: Sequence[Tensor], floor: Floor) -> NoiseModel | None:
    """What compression left of noise, white or correlated.

    Args:
        parts: [1, C, h, w] each in [-1, 1].
        floor: of these parts.

    Returns:
        None where the parts are too small to say what is left in the colours.
    """
    curve = floor.curve
    even = parts if curve is None else [curve.stabilised(part) for part in parts]
    power, _ = calm_spectrum(even)
    if power is None:
        return None
    same = len(power) / LEVELS**2  # noise in all channels, as brightness has it
    if curve is not None:
        same *= (curve.level / curve.sigma(parts)) ** 2
    filled = None
    if floor.is_correlated:
        power[0] = same * _spectrum(floor)
    else:
        power[0] = same * floor.sigma_255**2
        power[1:] *= OF_CALM_COLOURS
        filled = OF_BRIGHTNESS * float(power[0, 0, 0]) ** 0.5
    found = NoiseModel(power.clamp(min=0).float(), False, filled_to=filled)
    return found if curve is None else found.bent(curve, parts)


def _longer(levels: Tensor) -> Tensor:
    """An ascending geometric row with MOST_SHIFT more at both ends."""
    ratio, more = levels[1] / levels[0], torch.arange(-MOST_SHIFT, len(levels) + MOST_SHIFT)
    return levels[0] * ratio**more


def _shift(stronger: Tensor, levels: Tensor) -> Tensor:
    """By how many places in `_longer(levels)` blocks lie further than in `levels`."""
    places = stronger / math.log(float(levels[1] / levels[0]))
    return places.round().long().clamp(-MOST_SHIFT, MOST_SHIFT) + MOST_SHIFT


def _spectrum(floor: Floor) -> Tensor:
    """Power [8, 8] that the blocks of the floor had before compression, in 8-bit levels."""
    chances = floor.seen.log_chances(_longer(FINE))
    shift = _shift(floor.stronger, FINE)
    multiples = floor.seen.multiples.clamp(max=MOST)
    likelihood = torch.zeros(len(FINE), *multiples.shape[1:], dtype=torch.float64)
    for by in shift.unique().tolist():
        here, on_floor = multiples[shift == by], floor.on_floor[shift == by, None, None]
        for multiple in range(MOST + 1):
            count = ((here == multiple) * on_floor).sum(0)
            likelihood += chances[by : by + len(FINE), ..., multiple] * count
    power = FINE[likelihood.argmax(0)].square()[None, None]
    smooth = F.avg_pool2d(F.pad(power, (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    return without_content(smooth)[0]


def _quantile(shares: Tensor, share: float) -> float:
    """The level that so many lie below, between those of the grid."""
    total = shares.cumsum(0)
    right = int(torch.searchsorted(total, share).clamp(max=len(GRID) - 1))
    before = float(total[right - 1]) if right else 0.0
    part = (share - before) / max(float(total[right]) - before, 1e-12)
    step = float(EDGES[1] / EDGES[0])
    return float(EDGES[right]) * step ** (min(part, 1.0) - 1)
