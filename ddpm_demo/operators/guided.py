"""A denoiser that also knows an observation: in its place, any sampler restores."""

from __future__ import annotations

from torch import Tensor

from ..denoiser import Denoiser, Prediction
from .base import Operator
from .conditional import condition
from .spectrum import Covariance, Spectrum


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
