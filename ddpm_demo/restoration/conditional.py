"""E[x_0 | x_t, y] from E[x_0 | x_t], for a covariance S that is not a multiple of the identity.

With x_0 | x_t ~ N(x0_hat, S) and y = A x_0 + N(0, sigma_y^2 I),

    E[x_0 | x_t, y] = x0_hat + S A^T (A S A^T + sigma_y^2 I)^-1 (y - A x0_hat),

which is the proximal step of `operators` when S = rho^2 I (Kalman 1960; in geostatistics,
kriging). The small system is solved by conjugate gradients: cosine transforms, no evaluation of
the network.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from .conjugate_gradients import conjugate_gradients
from .operators.base import Operator, TightOperator
from .operators.blur import FramedBlur
from .operators.mask import Mask
from .spectrum import Covariance, from_frequencies, to_frequencies

TOLERANCE = 1e-3
MAX_ITERATIONS = 40


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
        tolerance: of the residual, relative to the first.
        max_iterations: of conjugate gradients.
    """
    if isinstance(operator, Mask) and sigma_y == 0:
        return x0 + _fill(operator.mask, x0, y, covariance, tolerance, max_iterations)
    u = _weights(operator, x0, y, sigma_y, covariance, tolerance, max_iterations)
    return x0 + covariance.apply(operator.A_T(u))


def pull(
    operator: Operator,
    x0: Tensor,
    y: Tensor,
    sigma_y: float,
    covariance: Covariance,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> Tensor:
    """A^T (A S A^T + sigma_y^2 I)^-1 (y - A x0): what `condition` has S applied to.

    Another covariance may take the place of that S. Arguments as there.
    """
    if isinstance(operator, Mask) and sigma_y == 0:
        move = _fill(operator.mask, x0, y, covariance, tolerance, max_iterations)
        return operator.mask * covariance.solve(move)
    u = _weights(operator, x0, y, sigma_y, covariance, tolerance, max_iterations)
    return operator.A_T(u)


def _weights(
    operator: Operator,
    x0: Tensor,
    y: Tensor,
    sigma_y: float,
    covariance: Covariance,
    tolerance: float,
    max_iterations: int,
) -> Tensor:
    """(A S A^T + sigma_y^2 I)^-1 (y - A x0)."""

    def gram(u: Tensor) -> Tensor:
        return operator.A(covariance.apply(operator.A_T(u))) + sigma_y**2 * u

    precondition = _about_inverse(operator, x0, y, sigma_y, covariance)
    residual = y - operator.A(x0)
    return conjugate_gradients(gram, precondition, residual, tolerance, max_iterations)


def _about_inverse(
    operator: Operator, x0: Tensor, y: Tensor, sigma_y: float, covariance: Covariance
) -> Callable[[Tensor], Tensor]:
    """About (A S A^T + sigma_y^2 I)^-1."""
    if isinstance(operator, FramedBlur):
        # A stationary picture, blurred, is stationary in its frame: its covariance there is close
        # to diagonal in the frame's own cosine basis (20 iterations instead of over 300).
        seen = (operator.power(x0) * covariance.variance)[None]
        size = y.shape[-2:]
        seen = F.interpolate(seen, size=size, mode="bilinear", align_corners=True) + sigma_y**2
        return lambda u: from_frequencies(to_frequencies(u) / seen)
    gain = operator.gain if isinstance(operator, TightOperator) else 1.0

    def spread(u: Tensor) -> Tensor:  # exact where everything is seen
        return operator.A(covariance.solve(operator.A_T(u), sigma_y**2 / gain)) / gain**2

    return spread


def _fill(
    mask: Tensor,
    x0: Tensor,
    y: Tensor,
    covariance: Covariance,
    tolerance: float,
    max_iterations: int,
) -> Tensor:
    """By how much `condition` moves x0, for pixels that are known exactly.

    The same answer as argmin_x (x - x0)^T S^-1 (x - x0) with x = y where mask = 1. S^-1 is close
    to a power of the Laplacian, so that what is unknown is worked out hole by hole and the number
    of iterations goes with the size of the holes, not with that of the picture.
    """
    hole = 1 - mask
    known = mask * (y - x0)

    def precision(u: Tensor) -> Tensor:
        return hole * covariance.solve(hole * u)

    def precondition(u: Tensor) -> Tensor:
        return hole * covariance.apply(hole * u)

    pull = -hole * covariance.solve(known)
    u = conjugate_gradients(precision, precondition, pull, tolerance, max_iterations)
    return known + u
