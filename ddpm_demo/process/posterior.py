"""The posterior q(x_{t-1} | x_t, x_0) of a single value, as a product of two densities.

Ho et al. 2020 (arXiv:2006.11239), eq. 6 and 7; by Bayes' rule it is proportional to
q(x_t | x_{t-1}) q(x_{t-1} | x_0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..core.schedule import Schedule
from ..errors import UserError


@dataclass(frozen=True)
class Posterior:
    """Three densities over x_{t-1}, and the posterior's parameters.

    Args:
        t: 1 to T - 1.
        mean, std: of q(x_{t-1} | x_t, x_0).
        c_0, c_t: mean = c_0 x_0 + c_t x_t.
        x: places, [N].
        prior: q(x | x_0).
        likelihood: q(x_t | x), scaled to integrate to 1 over x.
        posterior: q(x | x_t, x_0).
    """

    t: int
    mean: float
    std: float
    c_0: float
    c_t: float
    x: np.ndarray
    prior: np.ndarray
    likelihood: np.ndarray
    posterior: np.ndarray


def posterior_of_value(
    schedule: Schedule, x_0: float, x_t: float, t: int, num_places: int = 241
) -> Posterior:
    """The posterior for one value x_0 of the picture and x_t of the noisy one.

    Raises:
        UserError: t has no step before it, or is beyond the end.
    """
    if not 1 <= t < schedule.num_timesteps:
        raise UserError(
            "posterior_t_range",
            "The posterior needs a timestep t between {low} and {high}, not {value}.",
            field="t",
            low=1,
            high=schedule.num_timesteps - 1,
            value=t,
        )
    c_0, c_t, variance = schedule.posterior_coefficients(t, t - 1)
    abar_s = schedule.abar(t - 1)
    root_alpha = math.sqrt(schedule.abar(t) / abar_s)
    prior_mean, prior_std = math.sqrt(abar_s) * x_0, math.sqrt(1 - abar_s)
    # q(x_t | x) as a function of x is a Gaussian around x_t / sqrt(alpha_t).
    likelihood_mean = x_t / root_alpha
    likelihood_std = math.sqrt(1 - root_alpha**2) / root_alpha
    mean, std = c_0 * x_0 + c_t * x_t, math.sqrt(variance)
    reach = 5 * max(prior_std, std)
    x = np.linspace(min(prior_mean, mean) - reach, max(prior_mean, mean) + reach, num_places)
    return Posterior(
        t,
        mean,
        std,
        c_0,
        c_t,
        x,
        prior=_normal(x, prior_mean, prior_std),
        likelihood=_normal(x, likelihood_mean, likelihood_std),
        posterior=_normal(x, mean, std),
    )


def _normal(x: np.ndarray, mean: float, std: float) -> np.ndarray:
    return np.exp(-(((x - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))
