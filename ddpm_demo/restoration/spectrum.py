"""How the error of x0_hat is spread: the form of rho_t.

The proximal step of DiffPIR takes x_0 | x_t ~ N(x0_hat, rho_t^2 I): one number for all pixels, as
if neighbours erred independently. They do not: above the frequency where the prior's power drops
below sigma_t^2 there is little left to get wrong, below it the error is about sigma_t^2. With the
power spectrum P(f) of the prior the Gaussian that fits best has, in the basis of the discrete
cosine transform (which is what "stationary up to a reflecting border" means),

    rho_t^2(f) = sigma_t^2 P(f) / (sigma_t^2 + P(f)),

so what was seen of a pixel says something about its neighbours. A flat P = s^2 is the scalar
rho_t^2 = sigma_t^2 s^2 / (sigma_t^2 + s^2) of Song et al. 2023 (PiGDM), P -> infinity is
DiffPIR's.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from . import cosine_transform


def to_frequencies(x: Tensor) -> Tensor:
    """x [B, C, H, W] in the orthonormal cosine basis of channels, rows and columns.

    Over three channels the basis is brightness, red against blue, and green against magenta: about
    the principal axes of the colours of photographs.
    """
    return torch.einsum("kc,bchw->bkhw", _axes(x), cosine_transform.forward(x))


def from_frequencies(x: Tensor) -> Tensor:
    """The inverse of `to_frequencies`."""
    return torch.einsum("kc,bkhw->bchw", _axes(x), cosine_transform.inverse(x))


def _axes(x: Tensor) -> Tensor:
    return cosine_transform.matrix(x.shape[-3], x.dtype, x.device)


@dataclass(frozen=True)
class PowerLaw:
    """P(f) = scale (f^2 + corner^2)^(-exponent / 2), f in cycles a pixel."""

    scale: float
    corner: float
    exponent: float

    def at(self, f: Tensor) -> Tensor:
        return self.scale * (f**2 + self.corner**2) ** (-self.exponent / 2)


@dataclass(frozen=True)
class Spectrum:
    """The power spectrum of a prior: the variance of each cosine coefficient, in [-1, 1] units.

    Args:
        laws: for brightness, red - blue and green - magenta of colour pictures; grey ones take the
            first, a third of it because there is one channel to carry it.
    """

    laws: tuple[PowerLaw, PowerLaw, PowerLaw]

    def power(self, like: Tensor) -> Tensor:
        """P on the grid of `like` [B, C, H, W], as [C, H, W]; C is 1 or 3."""
        channels, height, width = like.shape[-3:]
        rows = torch.arange(height, device=like.device, dtype=like.dtype) / (2 * height)
        columns = torch.arange(width, device=like.device, dtype=like.dtype) / (2 * width)
        f = torch.sqrt(rows[:, None] ** 2 + columns[None, :] ** 2)
        return torch.stack([law.at(f) for law in self.laws[:channels]]) * (channels / 3)

    def times(self, factor: float) -> Spectrum:
        """That of pictures with so many times the power."""
        return Spectrum(
            tuple(dataclasses.replace(law, scale=factor * law.scale) for law in self.laws)
        )


@dataclass(frozen=True)
class FittedSpectrum(Spectrum):
    """A spectrum given number by number, for pictures of one size.

    Args:
        values: [C, H, W].
    """

    laws: tuple[()] = ()
    values: Tensor | None = None

    @classmethod
    def of_covariance(
        cls, covariance: Tensor, image_shape: tuple[int, int, int]
    ) -> FittedSpectrum:
        """That of a prior with a known covariance [D, D], D = C * H * W."""
        columns = to_frequencies(covariance.view(-1, *image_shape)).flatten(1)
        both = to_frequencies(columns.T.reshape(-1, *image_shape)).flatten(1)
        return cls(values=both.diagonal().view(image_shape))

    def times(self, factor: float) -> FittedSpectrum:
        assert self.values is not None
        return FittedSpectrum(values=factor * self.values)

    def power(self, like: Tensor) -> Tensor:
        assert self.values is not None and self.values.shape == like.shape[-3:]
        return self.values.to(like)


# Close to the fits, in log power, that benchmarks/spectrum.py prints beside them.
PHOTO = Spectrum(
    (
        PowerLaw(0.0026, 0.003, 2.4),
        PowerLaw(4.5e-5, 0.004, 2.8),
        PowerLaw(2.0e-5, 0.004, 2.7),
    )
)
OBJECT = Spectrum(
    (PowerLaw(0.0013, 0.03, 2.9), PowerLaw(1.8e-4, 0.03, 3.0), PowerLaw(1.6e-5, 0.03, 3.0))
)


class Covariance:
    """S = Cov[x_0 | x_t] as the spectrum has it: diagonal in the cosine basis.

    Args:
        power: the prior's P, [C, H, W].
        sigma: noise level of x_t / sqrt(abar_t), above 0.
    """

    def __init__(self, power: Tensor, sigma: float):
        self.variance = power * (sigma**2 / (power + sigma**2))

    def apply(self, x: Tensor) -> Tensor:
        """S x, [B, C, H, W]."""
        return from_frequencies(self.variance * to_frequencies(x))

    def solve(self, x: Tensor, extra: float = 0.0) -> Tensor:
        """(S + extra I)^-1 x."""
        return from_frequencies(to_frequencies(x) / (self.variance + extra))
