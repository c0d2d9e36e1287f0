"""The variational bound on the negative log likelihood, term by term.

Ho et al. 2020 (arXiv:2006.11239), eq. 5:

    L = KL(q(x_T | x_0) || N(0, I))                                     the prior term
      + sum over t of KL(q(x_s | x_t, x_0) || p(x_s | x_t)), s = t - 1    the transitions
      - log p(x_0 | x_1)                                                the decoder, eq. 13

Here the noisiest timestep is T - 1 and the decoder belongs to t = 0. All in nats a picture and in
float64; x_0 holds 8-bit pictures scaled to [-1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..core.schedule import Schedule
from ..errors import UserError

VARIANCES = ("fixed_small", "fixed_large", "optimal")
BIN = 2 / 255  # between two grey levels


@dataclass(frozen=True)
class BoundTerm:
    """What one timestep adds to the bound.

    Args:
        t: the timestep, T - 1 to 0; 0 is the decoder's term.
        nats: [B], float64, summed over a picture's dimensions.
    """

    t: int
    nats: Tensor


def gaussian_kl(
    squared_distance: Tensor, variance_q: float, variance_p: float, num_dims: int
) -> Tensor:
    """KL(N(m_q, variance_q I) || N(m_p, variance_p I)), `squared_distance` = |m_q - m_p|^2."""
    ratio = variance_q / variance_p
    # ratio - 1 - log(ratio) without cancellation near ratio = 1
    spread = (ratio - 1) - math.log1p(ratio - 1) if ratio > 0 else math.inf
    return (squared_distance / variance_p + num_dims * spread) / 2


def prior_term(schedule: Schedule, x_0: Tensor) -> Tensor:
    """KL(q(x_T | x_0) || N(0, I)), [B]: what the noising has left of the picture."""
    abar = schedule.abar(schedule.num_timesteps - 1)
    x_0 = x_0.double().flatten(1)
    return gaussian_kl(abar * x_0.square().sum(1), 1 - abar, 1.0, x_0.shape[1])


def decoder_term(x_0: Tensor, mean: Tensor, variance: float) -> Tensor:
    """-log p(x_0 | x_1), [B]: N(mean, variance I) integrated over each value's grey level, eq. 13.

    The bins of black and white are open towards the outside.
    """
    std = math.sqrt(variance)
    x_0, mean = x_0.double(), mean.double()
    upper = (x_0 + BIN / 2 - mean) / std
    lower = (x_0 - BIN / 2 - mean) / std
    upper = torch.where(x_0 > 1 - BIN / 2, torch.inf, upper)
    lower = torch.where(x_0 < -1 + BIN / 2, -torch.inf, lower)
    # Both limits are mirrored to the lower tail, where log_ndtr keeps its precision.
    mirrored = lower > 0
    high = torch.where(mirrored, -lower, upper)
    low = torch.where(mirrored, -upper, lower)
    log_high, log_low = torch.special.log_ndtr(high), torch.special.log_ndtr(low)
    log_bin = log_high + torch.log(-torch.expm1((log_low - log_high).clamp(max=-1e-16)))
    return -log_bin.flatten(1).sum(1)


def reverse_variance(
    schedule: Schedule, t: int, kind: str = "fixed_small", x0_error: float = 0.0
) -> float:
    """The variance of p(x_{t-1} | x_t), at t = 0 the decoder's.

    "fixed_small" is the posterior variance beta tilde, "fixed_large" is beta (Ho et al. 2020,
    section 3.2); at t = 0, where beta tilde is 0, both take that of t = 1. "optimal" is the best
    constant (Bao et al. 2022, arXiv:2201.06503, eq. 5): beta tilde + c_0^2 E(x_0 - x0_hat)^2; the
    decoder's is less the variance of rounding to 8 bits, which its bins add again.

    Args:
        x0_error: E(x_0 - x0_hat)^2 a value, for "optimal" alone.

    Raises:
        UserError: another kind.
    """
    if kind not in VARIANCES:
        raise UserError(
            "variance_unknown",
            "The variance “{name}” is not known; use one of {known}.",
            field="variance",
            name=kind,
            known=", ".join(VARIANCES),
        )
    if kind == "optimal":
        c_0, _, posterior = schedule.posterior_coefficients(t, t - 1)
        if t == 0:
            return max(x0_error - BIN**2 / 12, BIN**2 / 12)
        return posterior + c_0**2 * x0_error
    if t == 0:
        return schedule.posterior_coefficients(1, 0)[2]
    if kind == "fixed_large":
        return 1 - schedule.abar(t) / schedule.abar(t - 1)
    return schedule.posterior_coefficients(t, t - 1)[2]


def bound_term(
    schedule: Schedule, x_0: Tensor, x0_hat: Tensor, t: int, variance: str = "fixed_small"
) -> BoundTerm:
    """The term of t, given the estimate x0_hat made from a draw of q(x_t | x_0).

    Args:
        x_0, x0_hat: [B, C, H, W].
        t: 0 to T - 1.
        variance: one of `VARIANCES`; "optimal" is fitted to this batch.

    Raises:
        UserError: unknown variance.
    """
    x_0, x0_hat = x_0.double(), x0_hat.double()
    squared_error = (x_0 - x0_hat).flatten(1).square().sum(1)
    num_dims = x_0[0].numel()
    x0_error = float(squared_error.mean()) / num_dims
    variance_p = reverse_variance(schedule, t, variance, x0_error)
    if t == 0:
        return BoundTerm(0, decoder_term(x_0, x0_hat, variance_p))
    c_0, _, variance_q = schedule.posterior_coefficients(t, t - 1)
    # Both means are c_0 (x_0 or x0_hat) + c_t x_t.
    return BoundTerm(t, gaussian_kl(c_0**2 * squared_error, variance_q, variance_p, num_dims))


@torch.inference_mode()
def bound_terms(
    denoiser: Denoiser,
    x_0: Tensor,
    timesteps: Sequence[int],
    noise: NoiseSource,
    variance: str = "fixed_small",
) -> Iterator[BoundTerm]:
    """One draw of x_t for each timestep, and its term.

    Args:
        denoiser: predicts x_0; one evaluation a timestep.
        x_0: 8-bit pictures scaled to [-1, 1], [B, C, H, W].
        timesteps: each 0 to T - 1.
        noise: a source for B images.
        variance: one of `VARIANCES`.

    Raises:
        UserError: unknown variance.
    """
    for t in timesteps:
        x_t = denoiser.schedule.q_sample(x_0, t, noise.randn(x_0.shape[1:]))
        x0_hat = denoiser.predict(x_t, t).x0
        yield bound_term(denoiser.schedule, x_0, x0_hat, t, variance)
