"""How plausible finished chains are beside one another, and what each counts in their mean.

Guidance is approximate: now and then a chain ends in a picture that agrees with y and that the
prior would hardly draw, and spoils the mean of all. The prior's density tells, from how well the
network denoises the picture. With D(z, sigma) = E[x_0 | z] and z = x + sigma n,

    integral over sigma > s of E_n |x - D(z, sigma)|^2 / sigma^2 d(log sigma)
        = E_n[-log p_s(x + s n)] + constant,

p_s being the prior blurred by noise of level s (Kong, Brekelmans & Ver Steeg 2023,
arXiv:2302.03792, eq. 6 to 8). The floor s is above the grain in which samples of one and the same
picture differ, and above the noise in y: a flatter density takes volume into account.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from .observation import Observation

FLOOR = 0.05
# The floor in standard deviations of the noise in y.
FLOOR_OF_NOISE = 4.0
CEILING = 20.0
# Levels for each factor of e: two choose no better.
DENSITY = 1.0
# Nats by which a chain may fall short and still count e^-1. The estimate, from two draws of noise,
# is not better than that; docs/restoration.md says on what it was found.
TEMPERATURE = 20.0


class Weigher:
    """Weights of finished chains, each in place of 1 / n.

    Args:
        denoiser: the prior's.
        observation: y.
        seed: of the noise, the same for all chains.

    Attributes:
        num_evaluations: of the network, for each chain.
    """

    def __init__(self, denoiser: Denoiser, observation: Observation, seed: int):
        self.denoiser, self.observation, self.seed = denoiser, observation, seed
        floor = max(FLOOR, FLOOR_OF_NOISE * observation.sigma_y)
        self.sigmas = levels_between(floor, CEILING, DENSITY)
        self.num_evaluations = 2 * len(self.sigmas)

    @torch.inference_mode()
    def weights(self, x0: Tensor) -> Tensor:
        """[n] for the chains' ends x0 [n, C, H, W]; they sum to 1."""
        return torch.softmax(-self.energies(x0) / TEMPERATURE, dim=0)

    def energies(self, x0: Tensor) -> Tensor:
        """-log p(x0 | y) in nats, up to what all of them share, [n]."""
        return prior_energies(self.denoiser, x0, self.sigmas, self.seed) + self._misfit(x0)

    def _misfit(self, x0: Tensor) -> Tensor:
        """-log p(y | x0); nothing where y is exact, which all chains end in."""
        seen = self.observation
        if seen.sigma_y == 0:
            return x0.new_zeros(len(x0))
        residual = (seen.y - seen.operator.A(x0)).flatten(1)
        return residual.square().sum(1) / (2 * seen.sigma_y**2)


def levels_between(floor: float, ceiling: float, density: float) -> list[float]:
    """Middles of as many equal parts of [log floor, log ceiling] as make `density` for each e."""
    length = math.log(ceiling / floor)
    count = max(2, round(density * length))
    return [floor * math.exp((i + 0.5) * length / count) for i in range(count)]


def prior_energies(denoiser: Denoiser, x0: Tensor, sigmas: list[float], seed: int) -> Tensor:
    """-log p of the blurred prior, in nats, up to what all pictures share.

    Args:
        denoiser: the prior's.
        x0: pictures [n, C, H, W].
        sigmas: of `levels_between`.
        seed: of the noise, which enters with both signs.

    Returns:
        [n].
    """
    schedule = denoiser.schedule
    noise = NoiseSource([seed], x0.device, x0.dtype).randn(x0.shape[1:])
    width = math.log(sigmas[1] / sigmas[0])
    total = x0.new_zeros(len(x0))
    for sigma in sigmas:
        t = schedule.t_from_sigma(sigma)
        for sign in (1, -1):
            z = x0 + sign * sigma * noise
            error = (x0 - denoiser.predict(schedule.abar(t) ** 0.5 * z, t).x0).flatten(1)
            total = total + width / 2 * error.square().sum(1) / sigma**2
    return total
