"""A denoiser that also knows an observation: in its place, any sampler restores."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.denoiser import Denoiser, Prediction
from .conditional import condition, pull
from .operators.base import Operator
from .spectrum import Covariance, Spectrum

# Pictures whose graph is kept at a time, in pixels.
GRAPH_PIXELS = 2**15
LIMIT = 1.2


class GuidedDenoiser:
    """Predicts E[x_0 | x_t, y].

    Args:
        denoiser: the prior's, predicting E[x_0 | x_t].
        operator, y, sigma_y: the observation, as for `Operator.prox`.
        spectrum: of the prior, for the form of rho_t in `spectrum`; None for one number,
            rho_t^2 = sigma_t^2 / weight, as DiffPIR has it.
        weight: lambda, above 0, when there is no spectrum.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        operator: Operator,
        y: Tensor,
        sigma_y: float,
        spectrum: Spectrum | None = None,
        weight: float = 1.0,
    ):
        self.denoiser = denoiser
        self.schedule = denoiser.schedule
        self.operator, self.y, self.sigma_y = operator, y, sigma_y
        self.spectrum, self.weight = spectrum, weight

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        """E[x_0 | x_t, y], and eps derived again from it."""
        x0 = self.correct(self.denoiser.predict(x_t, t).x0, self.schedule.sigma(t))
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))

    def correct(self, x0: Tensor, sigma: float) -> Tensor:
        """x0 [B, C, H, W], an estimate at noise level sigma, moved towards what was observed."""
        if self.spectrum is None:
            return self.operator.prox(x0, self.y, self.sigma_y, sigma / self.weight**0.5)
        covariance = Covariance(self.spectrum.power(x0), sigma)
        x0 = condition(self.operator, x0, self.y, self.sigma_y, covariance)
        # Conjugate gradients stop a little short of A x = y, which a user may check to the bit.
        return self.operator.prox(x0, self.y, 0.0, sigma) if self.sigma_y == 0 else x0


class JacobianDenoiser:
    """Predicts E[x_0 | x_t, y] with the prior's own covariance.

    With z = x_t / sqrt(abar_t) and D(z) = E[x_0 | x_t], Tweedie's formula gives
    Cov[x_0 | x_t] = sigma_t^2 dD/dz, whose product with a vector is one backward pass (Song et al.
    2023, PiGDM; Rozet et al. 2024, MMPS, arXiv:2405.13712). It takes the place of the leading S in
    `conditional`; the small system is still solved with that S, which costs no evaluation.

    Args: as for `GuidedDenoiser`; the denoiser must be differentiable.
    """

    def __init__(
        self, denoiser: Denoiser, operator: Operator, y: Tensor, sigma_y: float, spectrum: Spectrum
    ):
        self.denoiser = denoiser
        self.schedule = denoiser.schedule
        self.operator, self.y, self.sigma_y = operator, y, sigma_y
        self.spectrum = spectrum

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        """E[x_0 | x_t, y], and eps derived again from it."""
        per_slice = max(1, GRAPH_PIXELS // (x_t.shape[-2] * x_t.shape[-1]))
        parts = zip(x_t.split(per_slice), self._of_batch(x_t).split(per_slice), strict=True)
        x0 = torch.cat([self._part(part, y, t) for part, y in parts])
        if self.sigma_y == 0:
            x0 = self.operator.prox(x0, self.y, 0.0, self.schedule.sigma(t))
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))

    def _of_batch(self, x_t: Tensor) -> Tensor:
        return self.y.expand(len(x_t), *self.y.shape[1:])

    def _part(self, x_t: Tensor, y: Tensor, t: float) -> Tensor:
        """For as many pictures as the graph of a forward pass may be kept of."""
        sigma = self.schedule.sigma(t)
        # Inside, nothing may be an inference tensor.
        with torch.inference_mode(False), torch.enable_grad():
            x_t = x_t.clone().requires_grad_()
            x0 = self.denoiser.predict(x_t, t).x0
            mean, y = x0.detach(), y.clone()
            covariance = Covariance(self.spectrum.power(mean), sigma)
            with torch.no_grad():
                wanted = pull(self.operator, mean, y, self.sigma_y, covariance)
            (product,) = torch.autograd.grad(x0, x_t, wanted)
        # dD/dz = sqrt(abar) dD/dx_t. A network's Jacobian is a covariance only nearly.
        move = sigma**2 * self.schedule.abar(t) ** 0.5 * product
        return (mean + move).clamp(-LIMIT, LIMIT)
