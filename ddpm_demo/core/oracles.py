"""Exact denoisers: priors whose posterior mean E[x_0 | x_t] is known in closed form.

The measuring stick for samplers, restoration and bits per dimension: what a perfectly trained
network would say. Used by tests, benchmarks and the tab that explains the process.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .denoiser import Prediction
from .schedule import Schedule


class GaussianDenoiser:
    """The exact denoiser for x_0 ~ N(mean, std^2 I).

    Args:
        schedule: any.
        mean, std: in [-1, 1] units.
    """

    def __init__(self, schedule: Schedule, mean: float, std: float):
        self.schedule, self.mean, self.std = schedule, mean, std

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        abar = self.schedule.abar(t)
        gain = abar**0.5 * self.std**2 / (abar * self.std**2 + 1 - abar)
        x0 = self.mean + gain * (x_t - abar**0.5 * self.mean)
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))

    def flow(self, x_t: Tensor, t: float, s: float = -1) -> Tensor:
        """Where the probability-flow ODE takes x_t from t to s, as deterministic samplers do."""
        abar_t, abar_s = self.schedule.abar(t), self.schedule.abar(s)
        std_t = (abar_t * self.std**2 + 1 - abar_t) ** 0.5
        std_s = (abar_s * self.std**2 + 1 - abar_s) ** 0.5
        return abar_s**0.5 * self.mean + std_s / std_t * (x_t - abar_t**0.5 * self.mean)


class GaussianConsistency(GaussianDenoiser):
    """The exact consistency function for x_0 ~ N(mean, std^2 I): where the ODE ends."""

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        x0 = self.flow(x_t, t)
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))


class CorrelatedGaussianDenoiser:
    """The exact denoiser for flattened x_0 ~ N(mean, covariance).

    Args:
        schedule: any.
        mean: [D].
        covariance: [D, D], symmetric positive semidefinite; D = C * H * W of the pictures.
    """

    def __init__(self, schedule: Schedule, mean: Tensor, covariance: Tensor):
        self.schedule, self.mean, self.covariance = schedule, mean, covariance
        self.eigenvalues, self.basis = torch.linalg.eigh(covariance)
        self.eigenvalues = self.eigenvalues.clamp(min=0)

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        abar = self.schedule.abar(t)
        gain = abar**0.5 * self.eigenvalues / (abar * self.eigenvalues + 1 - abar)
        centred = (x_t.flatten(1) - abar**0.5 * self.mean) @ self.basis
        x0 = (self.mean + (centred * gain) @ self.basis.T).view(x_t.shape)
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))


class MixtureDenoiser:
    """The exact denoiser for a mixture of isotropic Gaussians over flattened pictures.

    Args:
        schedule: any.
        means: [K, D].
        std: the components' common standard deviation, above 0.
        weights: [K], positive, sums to 1; None for equal ones.
    """

    def __init__(
        self, schedule: Schedule, means: Tensor, std: float, weights: Tensor | None = None
    ):
        self.schedule, self.means, self.std = schedule, means, std
        count = len(means)
        self.weights = means.new_full((count,), 1 / count) if weights is None else weights

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        abar = self.schedule.abar(t)
        variance = abar * self.std**2 + 1 - abar
        flat = x_t.flatten(1)
        distance = ((flat[:, None] - abar**0.5 * self.means) ** 2).sum(-1)
        responsibility = torch.softmax(self.weights.log() - distance / (2 * variance), dim=1)
        centre = responsibility @ self.means
        gain = abar**0.5 * self.std**2 / variance
        x0 = (centre + gain * (flat - abar**0.5 * centre)).view(x_t.shape)
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))
