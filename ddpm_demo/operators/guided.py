"""The conditional denoiser: E[x_0 | x_t, y] from E[x_0 | x_t] and an observation.

With x_0 | x_t ~ N(x0_hat, S) and y = A x_0 + N(0, sigma_y^2 I),

    E[x_0 | x_t, y] = x0_hat + S A^T (A S A^T + sigma_y^2 I)^-1 (y - A x0_hat),

which is the proximal step of `operators` when S = rho^2 I. With the S of `spectrum` the small
system is solved by conjugate gradients: cosine transforms only, no further evaluation of the
network.
"""

from __future__ import annotations

from torch import Tensor

from ..denoiser import Denoiser, Prediction
from .base import Operator, TightOperator
from .spectrum import Covariance, Spectrum

MAX_ITERATIONS = 60
TOLERANCE = 1e-3


def condition(
    operator: Operator,
    x0: Tensor,
    y: Tensor,
    sigma_y: float,
    covariance: Covariance,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> Tensor:
    """E[x_0 | x_t, y], given x0 = E[x_0 | x_t] [B, C, H, W] and its error's covariance.

    Args:
        operator, y, sigma_y: the observation, as for `Operator.prox`.
        covariance: S.
        tolerance: of the residual, relative to y - A x0.
        max_iterations: of conjugate gradients.
    """
    residual = y - operator.A(x0)
    solution = solve_gram(operator, residual, sigma_y, covariance, tolerance, max_iterations)
    return x0 + covariance.apply(operator.A_T(solution))


def solve_gram(
    operator: Operator,
    r: Tensor,
    sigma_y: float,
    covariance: Covariance,
    tolerance: float,
    max_iterations: int,
) -> Tensor:
    """u with (A S A^T + sigma_y^2 I) u = r, per picture, by preconditioned conjugate gradients.

    The preconditioner A (S + sigma_y^2 / gain)^-1 A^T / gain^2 is exact where everything is seen.
    """
    gain = operator.gain if isinstance(operator, TightOperator) else 1.0

    def gram(u: Tensor) -> Tensor:
        return operator.A(covariance.apply(operator.A_T(u))) + sigma_y**2 * u

    def precondition(u: Tensor) -> Tensor:
        return operator.A(covariance.solve(operator.A_T(u), sigma_y**2 / gain)) / gain**2

    u = r.new_zeros(r.shape)
    limit = tolerance**2 * _dot(r, r)
    z = precondition(r)
    direction, rz = z, _dot(r, z)
    for _ in range(max_iterations):
        if bool((_dot(r, r) <= limit).all()):
            break
        image = gram(direction)
        step = _safe_ratio(rz, _dot(direction, image))
        u = u + step * direction
        r = r - step * image
        z = precondition(r)
        new_rz = _dot(r, z)
        direction = z + _safe_ratio(new_rz, rz) * direction
        rz = new_rz
    return u


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((1, 2, 3), keepdim=True)


def _safe_ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, 0 where a picture has converged exactly."""
    return a / b.masked_fill(b == 0, float("inf"))


class GuidedDenoiser:
    """A denoiser that also knows an observation: in its place, any sampler restores.

    Args:
        denoiser: the prior.
        operator, y, sigma_y: y = A x_0 + n, as for `Operator.prox`.
        spectrum: the prior's; None for the scalar rho_t of the proximal step.
        weight: lambda: the scalar form is rho_t^2 = sigma_t^2 / weight.
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
