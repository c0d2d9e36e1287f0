"""The noise of a picture from a camera: its level, its colour, how it depends on the brightness.

A camera's noise is neither white nor the same in all channels: demosaicking, compression and
resizing take its high frequencies, subsampling takes those of the colours. `noise_estimate` finds
it in a picture.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .noise_curve import PATCH_PX, NoiseCurve
from .spectrum import to_frequencies

GRID = 32  # frequencies a side of the filters
FILTER_PX = 15
FILTER_MARGIN_PX = FILTER_PX // 2


@dataclass(frozen=True)
class NoiseModel:
    """Noise of zero mean, the same everywhere but for a curve.

    Args:
        power: [C, 8, 8], variance of each coefficient of an 8 x 8 cosine transform, in [-1, 1]
            units; over three channels those of `spectrum.to_frequencies`, brightness first.
        is_white: one number says it all.
        level: that number, unrounded; None for noise that is not white.
        filled_to: level of white noise that it is filled up to before it is removed; None for
            what suits its spectrum.
        curve: how it depends on the brightness, all else being of its root mean square; None where
            it does not.
    """

    power: Tensor
    is_white: bool
    level: float | None = None
    filled_to: float | None = None
    curve: NoiseCurve | None = None

    @classmethod
    def white(cls, sigma: float, channels: int, curve: NoiseCurve | None = None) -> NoiseModel:
        power = torch.full((channels, PATCH_PX, PATCH_PX), sigma**2)
        return cls(power, True, sigma, curve=curve)

    @property
    def sigma(self) -> float:
        """Root mean square of the noise."""
        return math.sqrt(float(self.power.mean())) if self.level is None else self.level

    @property
    def sigma_max(self) -> float:
        """Of the white noise that has nowhere less; single coefficients smoothed."""
        return math.sqrt(float(self.power.amax()))

    def grid(self) -> Tensor:
        """The spectrum [C, GRID, GRID] at the frequencies of a discrete Fourier transform."""
        f = torch.fft.fftfreq(GRID).abs() * 2 * PATCH_PX  # in steps of the patch's transform
        low = f.floor().clamp(max=PATCH_PX - 1).long()
        high = (low + 1).clamp(max=PATCH_PX - 1)
        share = (f - low).clamp(0, 1)
        rows = torch.lerp(self.power[:, low], self.power[:, high], share[None, :, None])
        return torch.lerp(rows[:, :, low], rows[:, :, high], share[None, None, :])

    def times(self, share: float) -> NoiseModel:
        """For noise of that share of the standard deviation, the same everywhere."""
        level = None if self.level is None else share * self.level
        filled = None if self.filled_to is None else share * self.filled_to
        return NoiseModel(share**2 * self.power, self.is_white, level, filled)

    def bent(self, curve: NoiseCurve, parts: Sequence[Tensor]) -> NoiseModel:
        """The noise of a picture in whose stabilised values there is this.

        Args:
            curve: up to a factor.
            parts: of the picture.
        """
        curve = curve.times(self._told(curve) / curve.level)
        real = self.times(curve.sigma(parts) / self._told(curve))
        return dataclasses.replace(real, curve=curve)

    def evened(self) -> NoiseModel:
        """The noise of the stabilised values."""
        if self.curve is None:
            return self
        return self.times(self.curve.level / self._told(self.curve))

    def strength(self, x: Tensor) -> Tensor | float:
        """Of the noise at the values x [B, C, h, w], over its root mean square."""
        if self.curve is None:
            return 1.0
        variance = self.curve.variance(self.curve.told_by(x))
        return variance.sqrt() / self._told(self.curve)

    def _told(self, curve: NoiseCurve) -> float:
        """Root mean square of the noise that the curve is about: of the mean over the channels, or
        of any of them."""
        if not curve.is_joint:
            return self.sigma
        return math.sqrt(float(self.power[0].mean()) / len(self.power))

    def as_grey(self, channels: int) -> NoiseModel:
        """A grey picture's in a network of C channels: along the grey axis alone."""
        power = self.power.new_zeros(channels, PATCH_PX, PATCH_PX)
        power[0] = channels * self.power[0]
        level = None if self.filled_to is None else math.sqrt(channels) * self.filled_to
        return NoiseModel(power, False, filled_to=level)


def filtered(x: Tensor, gain: Tensor) -> Tensor:
    """x with its frequencies multiplied by gain [C, GRID, GRID], in the basis of brightness and
    colours: a convolution, whose result [B, C, H, W] lacks FILTER_MARGIN_PX of x at all sides.
    """
    channels = x.shape[1]
    kernel = torch.fft.ifft2(gain.to(torch.complex64)).real
    kernel = torch.fft.fftshift(kernel, dim=(-2, -1))
    edge = GRID // 2 - FILTER_PX // 2
    kernel = kernel[:, None, edge : edge + FILTER_PX, edge : edge + FILTER_PX].to(x)
    return _axes(F.conv2d(_axes(x), kernel, groups=channels), back=True)


def _axes(x: Tensor, back: bool = False) -> Tensor:
    """Channels as brightness and colours, pixels as they are."""
    if x.shape[1] == 1:
        return x
    tensor = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)[..., None, None]
    basis = to_frequencies(tensor)[:, :, 0, 0].T  # rows are axes
    return torch.einsum(
        "ck,bkhw->bchw" if back else "kc,bchw->bkhw", basis.T if back else basis, x
    )
