"""How noise depends on the brightness, whatever its spectrum: the likeliest curve.

Blocks of a picture have noise of variance s^2(m), m their mean brightness, and texture of variance
tau^2 besides. How tau is distributed is the nonparametric maximum likelihood estimate (Kiefer &
Wolfowitz 1956, found by expectation maximisation): much of it at 0 where noise is a floor. s^2 is
a parabola, searched for from a flat one outwards; it must be likelier by far than a flat one, and
than texture alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from . import cosine_transform
from .calm import ORDER, SATURATED
from .drawn import NOTHING
from .noise_curve import LEAST_RATIO, PATCH_PX, NoiseCurve

MAX_BLOCKS, MIN_BLOCKS = 2000, 128
ROUNDS = 25
# Brightness between these shares of the blocks is what the curve is found at.
LOWEST, HIGHEST = 0.01, 0.99
# The search begins at a level that this share of the blocks lies below; then slopes are tried.
SHARE = 0.1
LEVEL_STEPS = (-0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
SLOPES = (-1.2, -0.8, -0.4, 0.4, 0.8, 1.2)
STEPS, MAX_TRIES = (0.4, 0.2, 0.1), 300
# Of the logarithms of the strengths at both ends, over that in the middle: the most, what the
# square of each costs where hardly a block tells, and the least anywhere over the middle.
MOST_SLOPE, UNLIKELY, LEAST_SHARE = 2.4, 3.0, 0.15
# By so much the logarithm of the likelihood must rise, and by so much for each block: with the
# same noise everywhere it rises by 15 under JPEG, by 26 otherwise, with noise of sigma 20 that
# depends on the brightness by 20 to 420 (13 squares of training photographs of 256 x 256).
GAIN, GAIN_BLOCK = 20.0, 0.015
# Noise of light rises all the way; where it falls, or is strongest in between, texture that is
# here dark and there bright does nearly as much: photographs with the same noise everywhere come
# to 21 to 55 there. (Logarithms at both ends, and the gain that it takes.)
RISING = (-0.5, 0.0)
FALLING, GAIN_FALLING = (0.2, -0.2), 50.0
GAIN_OTHERWISE = 80.0
LOW = 3  # rows + columns of frequencies from here on: below it a picture is never calm
# Neighbouring frequencies are not quite independent, nor is the spectrum quite known.
INDEPENDENT = 0.5
FLOOR = 0.02  # of the mean power: rounding, where there is next to no noise


@dataclass(frozen=True)
class Blocks:
    """What blocks of a picture say of their levels.

    Args:
        means: [N] of brightness, in [-1, 1].
        levels: [K], ascending and geometric, standard deviations.
        log_chances: [N, K], logarithm of the likelihood that a block's level is that, but for a
            constant of its own.
    """

    means: Tensor
    levels: Tensor
    log_chances: Tensor

    def thinned(self) -> Blocks:
        """MAX_BLOCKS of them at most, evenly."""
        stride = max(1, -(-len(self.means) // MAX_BLOCKS))
        return Blocks(self.means[::stride], self.levels, self.log_chances[::stride])

    def likelihood(self, sd: Tensor) -> tuple[float, Tensor]:
        """(logarithm of the likelihood, distribution [K + 1] of tau, 0 first) with noise of
        strength sd [N]."""
        tau = torch.cat([self.levels.new_zeros(1), self.levels])
        level = (sd[:, None].square() + tau.square()).sqrt()
        place = (level / self.levels[0]).log() / (self.levels[1] / self.levels[0]).log()
        place = place.clamp(0, len(self.levels) - 1.001)
        below = place.floor().long()
        ends = self.log_chances.gather(1, below), self.log_chances.gather(1, below + 1)
        found, shares, _ = mixture(torch.lerp(*ends, place - below), ROUNDS)
        return found, shares


def mixture(log_chances: Tensor, rounds: int) -> tuple[float, Tensor, Tensor]:
    """(logarithm of the likelihood, shares [K] of the levels, each block's chances of them [N, K])
    after so many rounds of expectation maximisation.

    Args:
        log_chances: [N, K], see `Blocks`.
        rounds: one or more.
    """
    most = log_chances.amax(1, keepdim=True)
    chances = (log_chances - most).exp()
    shares = chances.new_full(chances.shape[1:], 1 / chances.shape[1])
    for _ in range(rounds):
        posterior = chances * shares
        total = posterior.sum(1, keepdim=True)
        posterior = posterior / total
        shares = posterior.mean(0)
    return float((total.log() + most).sum()), shares, posterior


def of_energies(parts: Sequence[Tensor], power: Tensor) -> Blocks | None:
    """Of a picture whose noise has a known spectrum, but for its level; None for too few blocks.

    Args:
        parts: [1, C, h, w] each, in [-1, 1].
        power: [8, 8], of brightness (the mean over the channels).
    """
    is_used = ORDER >= LOW
    spectrum = power + FLOOR * power.mean() + NOTHING**2 / PATCH_PX**2
    found = []
    for part in (part for part in parts if min(part.shape[-2:]) >= PATCH_PX):
        x = part[0].unfold(1, PATCH_PX, PATCH_PX).unfold(2, PATCH_PX, PATCH_PX)
        x = x.permute(1, 2, 0, 3, 4).flatten(0, 1)
        x = x[(x.abs() >= 1).flatten(1).float().mean(1) < SATURATED]
        x = x.mean(1, keepdim=True).double()
        energy = cosine_transform.forward(x)[:, 0].square() / spectrum
        found.append((x.mean((1, 2, 3)), energy[:, is_used].sum(1)))
    means, energies = (torch.cat(values) for values in zip(*found, strict=True))
    if len(means) < MIN_BLOCKS or float(power.mean()) < NOTHING**2:
        return None
    # A chi-square's.
    levels = torch.logspace(-0.75, 1.6, 56, dtype=torch.float64)
    count = int(is_used.sum())
    chances = -count * levels.log() - energies[:, None] / (2 * levels.square())
    return Blocks(means, levels * math.sqrt(float(power.mean())), INDEPENDENT * chances)


def fit(blocks: Blocks, is_joint: bool) -> NoiseCurve | None:
    """The likeliest curve of a picture's brightness; None where a flat one, or none, does as well.

    Args:
        blocks: of the picture.
        is_joint: see `NoiseCurve`.
    """
    search = _Search(blocks.thinned())
    if search.half <= 0:
        return None
    search.climb()
    gain = search.tried[search.best] - search.least
    found = search.curve(is_joint)
    least, most = found.ends()
    is_flat = most < LEAST_RATIO**2 * least
    enough = max(_enough(*search.best[1:]), GAIN_BLOCK * len(search.u))
    return None if is_flat or gain < enough or least < (NOTHING / 2) ** 2 else found


def _enough(dark: float, bright: float) -> float:
    """How much likelier a curve with these ends must be."""
    if dark <= RISING[0] and bright >= RISING[1]:
        return GAIN
    return GAIN_FALLING if dark >= FALLING[0] and bright <= FALLING[1] else GAIN_OTHERWISE


# Logarithms: of the level in the middle, of that at the dark and at the bright end over it.
_Place = tuple[float, float, float]


class _Search:
    """For the likeliest parabola."""

    def __init__(self, blocks: Blocks):
        means = blocks.means
        low, high = torch.quantile(means, means.new_tensor([LOWEST, HIGHEST])).tolist()
        self.blocks = blocks
        self.middle, self.half = (low + high) / 2, (high - low) / 2
        # -1 to 1 from the dark end to the bright one.
        self.u = ((means - self.middle) / max(self.half, 1e-9)).clamp(-1, 1)
        self.tried: dict[_Place, float] = {}
        self.least = -math.inf  # what texture alone, or a flat curve, comes to

    @property
    def best(self) -> _Place:
        return max(self.tried, key=lambda place: self.tried[place])

    def climb(self) -> None:
        """Try flat curves, slopes, then all around the best as long as it is surpassed."""
        without, shares = self.blocks.likelihood(torch.zeros_like(self.u))
        below = max(0, int((shares.cumsum(0) < SHARE).sum()) - 1)
        level = math.log(float(self.blocks.levels[below]))
        for more in LEVEL_STEPS:
            self._try(level + more, 0.0, 0.0)
        self.least = max(without, *self.tried.values())
        level = self.best[0]
        for slope in SLOPES:
            for more in (-0.2, 0.0, 0.2):
                self._try(level + more, -slope, slope)
        for step in STEPS:
            before = None
            while self.best != before and len(self.tried) < MAX_TRIES:
                before = self.best
                for place in _around(before, step):
                    self._try(*place)

    def _try(self, level: float, dark: float, bright: float) -> None:
        place = (round(level, 3), round(dark, 3), round(bright, 3))
        if place in self.tried or max(abs(dark), abs(bright)) > MOST_SLOPE:
            return
        c_0, c_1, c_2 = _parabola(place)
        variance = c_0 + c_1 * self.u + c_2 * self.u.square()
        self.tried[place] = -math.inf
        if bool((variance > LEAST_SHARE**2 * c_0).all()):
            cost = UNLIKELY * (place[1] ** 2 + place[2] ** 2)
            self.tried[place] = self.blocks.likelihood(variance.sqrt())[0] - cost

    def curve(self, is_joint: bool) -> NoiseCurve:
        """The best, by brightness."""
        c_0, c_1, c_2 = _parabola(self.best)
        middle, half = self.middle, self.half
        coefficients = (
            c_0 - c_1 * middle / half + c_2 * (middle / half) ** 2,
            c_1 / half - 2 * c_2 * middle / half**2,
            c_2 / half**2,
        )
        return NoiseCurve(coefficients, middle - half, middle + half, is_joint)


def _parabola(place: _Place) -> tuple[float, float, float]:
    """Coefficients of the variance by u."""
    level, dark, bright = (math.exp(2 * logarithm) for logarithm in place)
    return level, level * (bright - dark) / 2, level * ((bright + dark) / 2 - 1)


def _around(place: _Place, step: float) -> Iterator[_Place]:
    level, dark, bright = place
    for one in (-step, 0.0, step):
        for other in (-step, 0.0, step):
            for more in (-step / 4, 0.0, step / 4):
                yield level + more, dark + one, bright + other
