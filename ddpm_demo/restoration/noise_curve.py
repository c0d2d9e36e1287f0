"""White noise whose strength depends on the brightness, as a sensor's does.

Photons come by chance, sd ~ sqrt(m), and what a camera makes of its values bends that either way:
in photographs as they are noise may be strongest in the dark. The variance of a channel of true
value m is taken for c_0 + c_1 m + c_2 m^2, which holds a sensor's and noise in proportion, too. In

    z = f(y),  f(y) = integral of dm / sd(m) from black to y,

noise has the same level everywhere, and what removes white noise removes it (Anscombe 1948 for
sd = sqrt(m), Foi 2009 for any). Going back, v'/4 is added: f(y) is not f of the mean.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from . import cosine_transform
from .drawn import NOTHING
from .saturation import between

PATCH_PX = 8
MAX_PATCHES = 120_000
# Rows + columns below LOW say whether a patch is calm, rows and columns from HIGH on how strong
# its noise is: what is picked by the ones says nothing of the others, where noise is white.
LOW, HIGH = 4, 3
MEDIAN = 0.973  # of a mean of 25 squares
# Of brightness; the share of one that is calm, and at least so many patches.
BINS, CALM, FEWEST = 12, 0.2, 40
# Noise alone has such quartiles of the strengths of calm patches; where they are further apart
# there is texture. (White noise of sigma 20: 1.39 to 1.58 without; 1.4 to 4 in foliage.)
QUARTILES = 1.7
INSIDE = 2.0  # standard deviations from black and white: nearer, noise was cut off
FEWEST_BINS = 5
# A curve that rises or falls by less from end to end is none: white noise comes to 1.00 to 1.11.
LEAST_RATIO = 1.2
# Of the spread of what was found by brightness so much may lie beside the curve: where there is
# one .05 to .1 in the middle, .12 to .19 in one of ten, .29 at most (25 squares of held-out
# training photographs, five kinds); in white noise that was resized, where texture makes one, .15
# to .49.
UNEXPLAINED = 0.25
FURTHER = 0.3  # by so much the curve goes on beyond what was seen
# Colours of a picture that are to lie in [-1, 1], of means over so many pixels.
REACHED, SMOOTH_PX = 0.999, 5
# Where f is known, black and white among them, and as far beyond either as to the middle.
TABLE = 4096
_PLACES = torch.linspace(-2, 2, TABLE + 1, dtype=torch.float64)


@dataclass(frozen=True)
class NoiseCurve:
    """Variance by brightness, and what makes it one number.

    Args:
        coefficients: c_0, c_1, c_2 at m in [-1, 1].
        low, high: below and above the variance is what it is there.
        is_joint: m is the mean over the channels, and all have the same noise, as where it was
            mixed: by compression, or a camera's own colours. Then f is that of m, and differences
            from m are stretched as f is there.
        reach: of a joint one: what f(y) is divided by, so that no colour is out of range.
    """

    coefficients: tuple[float, float, float]
    low: float
    high: float
    is_joint: bool = False
    reach: float = 1.0

    def variance(self, m: Tensor) -> Tensor:
        """Of the noise at the values m in [-1, 1]."""
        c_0, c_1, c_2 = self.coefficients
        m = m.clamp(self.low, self.high)
        return c_0 + c_1 * m + c_2 * m.square()

    def ends(self) -> tuple[float, float]:
        """The least and the greatest variance."""
        found = self.variance(torch.linspace(self.low, self.high, 64, dtype=torch.float64))
        return float(found.min()), float(found.max())

    def times(self, share: float) -> NoiseCurve:
        """For noise of that share of the standard deviation."""
        c_0, c_1, c_2 = (share**2 * c for c in self.coefficients)
        return dataclasses.replace(self, coefficients=(c_0, c_1, c_2))

    def told_by(self, y: Tensor) -> Tensor:
        """What of y [B, C, h, w] says how strong the noise is there."""
        return y.mean(1, keepdim=True) if self.is_joint else y

    def sigma(self, parts: Sequence[Tensor]) -> float:
        """Root mean square of the noise of a picture, from parts of it."""
        values = torch.cat([self.variance(self.told_by(part)).flatten() for part in parts])
        return math.sqrt(float(values.double().mean()))

    def reaching(self, parts: Sequence[Tensor]) -> NoiseCurve:
        """With a `reach` for which the stabilised colours of a picture lie in [-1, 1]."""
        if not self.is_joint:
            return self
        smooth = [_smooth(self.stabilised(part)).abs().flatten() for part in parts]
        every = torch.cat(smooth)
        most = float(every[:: 1 + len(every) // MAX_PATCHES].quantile(REACHED)) * self.reach
        return dataclasses.replace(self, reach=max(1.0, most))

    def stabilised(self, y: Tensor) -> Tensor:
        """f(y), moved and stretched so that black and white stay -1 and 1."""
        m = self.told_by(y)
        z = between(m, _PLACES, self._even)
        return (z + (y - m) * self._slope(m)) / self.reach if self.is_joint else z

    def back(self, z: Tensor) -> Tensor:
        """x_0 from the estimate of f(y)."""
        z = z * self.reach
        m = self.told_by(z)
        x = between(m, self._even, self._unbiased)
        return x + (z - m) / self._slope(x) if self.is_joint else x

    def _slope(self, m: Tensor) -> Tensor:
        """f'."""
        return self.level * self.reach * self.variance(m).rsqrt()

    def evened(
        self, y: Tensor, finish: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """(f(y), what finishes estimates of it), from what finishes estimates of x_0.

        Colours beyond [-1, 1], which no network gives, are taken off smoothly and put on again.
        """
        z = self.stabilised(y)
        if not self.is_joint:
            return z, lambda x: finish(self.back(x))
        smooth = _smooth(z)
        beyond = smooth - smooth.clamp(-1, 1)
        return z - beyond, lambda x: finish(self.back(x + beyond))

    @cached_property
    def level(self) -> float:
        """Of the noise in f(y)."""
        sd = float(self.variance(_PLACES[TABLE // 2])) ** 0.5
        rise = self._even[TABLE // 2 + 1] - self._even[TABLE // 2 - 1]
        return sd * float(rise / (_PLACES[2] - _PLACES[0])) / self.reach

    @cached_property
    def _even(self) -> Tensor:
        """f at `_PLACES`."""
        f = torch.cumulative_trapezoid(self.variance(_PLACES).rsqrt(), _PLACES)
        f = torch.cat([f.new_zeros(1), f])
        black, white = (f[_PLACES == end] for end in (-1, 1))
        return (f - black) / (white - black) * 2 - 1

    @cached_property
    def _unbiased(self) -> Tensor:
        """`_PLACES` with what is added on the way back."""
        _, c_1, c_2 = self.coefficients
        is_curved = (_PLACES > self.low) & (_PLACES < self.high)
        return _PLACES + is_curved * (c_1 + 2 * c_2 * _PLACES) / 4


def _smooth(z: Tensor) -> Tensor:
    padded = F.pad(z, (SMOOTH_PX // 2,) * 4, mode="replicate")
    return F.avg_pool2d(padded, SMOOTH_PX, stride=1)


def find(parts: Sequence[Tensor]) -> NoiseCurve | None:
    """The curve of the noise in a picture; None where it is flat, or nothing can be said.

    Args:
        parts: [1, C, h, w] each, in [-1, 1].
    """
    means, low, high = _patches([part for part in parts if min(part.shape[-2:]) >= PATCH_PX])
    if len(means) < BINS * FEWEST:
        return None
    places, found = [], []
    for few in means.argsort().tensor_split(BINS):
        calm = few[low[few].argsort()[: max(FEWEST, round(CALM * len(few)))]]
        lower, median, upper = torch.quantile(high[calm], high.new_tensor([0.25, 0.5, 0.75]))
        place, variance = float(means[calm].mean()), float(median) / MEDIAN
        is_inside = abs(place) + INSIDE * math.sqrt(variance) <= 1
        if is_inside and variance > NOTHING**2 and upper <= QUARTILES * lower:
            places.append(place)
            found.append(variance)
    return _fitted(torch.tensor(places).double(), torch.tensor(found).double())


def _fitted(m: Tensor, variance: Tensor) -> NoiseCurve | None:
    if len(m) < FEWEST_BINS:
        return None
    powers = torch.stack([torch.ones_like(m), m, m.square()], 1)
    # Of each what matters is by which share it is missed.
    solved = torch.linalg.lstsq(powers / variance[:, None], torch.ones_like(m)[:, None]).solution
    c_0, c_1, c_2 = solved[:, 0].tolist()
    low, high = float(m.min()), float(m.max())
    seen = NoiseCurve((c_0, c_1, c_2), low, high)
    least, most = seen.ends()
    if least < NOTHING**2 or most < LEAST_RATIO**2 * least:
        return None
    missed = (variance / seen.variance(m)).log().square().mean().sqrt()
    if missed > UNEXPLAINED * variance.log().std(correction=0):
        return None
    wide = NoiseCurve((c_0, c_1, c_2), max(-1.0, low - FURTHER), min(1.0, high + FURTHER))
    return wide if wide.ends()[0] >= NOTHING**2 / 4 else seen


def _patches(parts: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """(means, energies of low frequencies, of high ones) of patches [N] of single channels, from
    all over, without those that touch black or white."""
    if not parts:
        return torch.zeros(0), torch.zeros(0), torch.zeros(0)
    rows = torch.arange(PATCH_PX)[:, None]
    columns = rows.T
    is_low = (rows + columns > 0) & (rows + columns < LOW)
    is_high = (rows >= HIGH) & (columns >= HIGH)
    total = sum(part[0].numel() for part in parts)
    stride = max(1, math.ceil(math.sqrt(total / MAX_PATCHES)))
    found = []
    for part in parts:
        x = part[0].unfold(1, PATCH_PX, stride).unfold(2, PATCH_PX, stride)
        x = x.reshape(-1, PATCH_PX, PATCH_PX)
        x = x[(x.abs() < 1).flatten(1).all(1)]
        energy = cosine_transform.forward(x[:, None])[:, 0].square()
        high = energy[:, is_high].mean(1)
        found.append((x.mean((1, 2)), energy[:, is_low].mean(1), high))
    means, low, high = (torch.cat(values) for values in zip(*found, strict=True))
    return means, low, high
