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

from ..denoiser import Denoiser
from ..noise import NoiseSource
from .observation import Observation

FLOOR = 0.05
# The floor in standard deviations of the noise in y.
FLOOR_OF_NOISE = 4.0
CEILING = 20.0
# Levels for each factor of e.
DENSITY = 2.0
# Nats by which a chain may fall short and still count e^-1. The estimate, from two draws of noise,
# is not better than that: found on faces that no table shows.
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
        count = max(2, round(DENSITY * math.log(CEILING / floor)) + 1)
        self.sigmas = torch.logspace(math.log10(floor), math.log10(CEILING), count).tolist()
        self.num_evaluations = 2 * count

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


def prior_energies(denoiser: Denoiser, x0: Tensor, sigmas: list[float], seed: int) -> Tensor:
    """-log p of the prior blurred by sigmas[0], in nats, up to what all pictures share.

    Args:
        denoiser: the prior's.
        x0: pictures [n, C, H, W].
        sigmas: ascending noise levels, evenly in log sigma.
        seed: of the noise, which enters with both signs.

    Returns:
        [n].
    """
    schedule = denoiser.schedule
    noise = NoiseSource([seed], x0.device, x0.dtype).randn(x0.shape[1:])
    width = math.log(sigmas[1] / sigmas[0])
    total = x0.new_zeros(len(x0))
    for index, sigma in enumerate(sigmas):
        t = schedule.t_from_sigma(sigma)
        share = width * (0.5 if index in (0, len(sigmas) - 1) else 1.0)  # trapezoids
        for sign in (1, -1):
            z = x0 + sign * sigma * noise
            error = (x0 - denoiser.predict(schedule.abar(t) ** 0.5 * z, t).x0).flatten(1)
            total = total + share * error.square().sum(1) / (2 * sigma**2)
    return total
