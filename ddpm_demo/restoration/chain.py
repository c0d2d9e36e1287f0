"""The engine of every restoration: a chain of x_t under a denoiser that knows what was seen.

A second-order stochastic solver in log sigma (Lu et al. 2022, DPM-Solver++, arXiv:2211.01095,
eq. 14 and appendix B, "2M SDE") with a dial eta for the share of fresh noise. With
z = x_t / sqrt(abar_t), sigma its noise level, D = E[x_0 | x_t, y] and h = log(sigma_t / sigma_s),

    z_s = (sigma_s / sigma_t) k z_t + (1 - (sigma_s / sigma_t) k) D' + sigma_s sqrt(1 - k^2) noise,
    k = exp(-eta^2 h),    D' = D + (D - D_before) h / (2 h_before),

so eta = 0 is the probability-flow ODE, eta = 1 the reverse SDE; DiffPIR's zeta is 1 - k^2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.step import Step

# Above this nothing of a picture is left: the chain may start from noise alone.
SIGMA_MAX = 80.0


class Noise(Protocol):
    """Where the noise of a chain comes from: `noise.NoiseSource` or `PairedNoise`."""

    def randn(self, image_shape: Sequence[int]) -> Tensor:
        """The next draw for the whole batch, [B, *image_shape]."""
        ...


class PairedNoise:
    """Noise for pairs of chains, one with the other's sign turned.

    What a picture depends on linearly cancels in the mean of a pair, so that two chains give what
    many independent ones would (antithetic variates, Hammersley & Morton 1956).

    Args:
        noise: a source for B pictures; chains i and B + i belong to its picture i.
    """

    def __init__(self, noise: Noise):
        self.noise = noise
        self.is_placed = getattr(noise, "is_placed", False)

    def randn(self, image_shape: Sequence[int]) -> Tensor:
        drawn = self.noise.randn(image_shape)
        return torch.cat([drawn, -drawn])


def make_sigmas(num_steps: int, sigma_start: float, sigma_stop: float) -> list[float]:
    """`num_steps` noise levels, evenly in log sigma, from sigma_start down to sigma_stop."""
    if num_steps == 1:
        return [sigma_start]
    return np.geomspace(sigma_start, sigma_stop, num_steps).tolist()


@torch.inference_mode()
def restore(
    denoiser: Denoiser,
    z: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    eta: float = 1.0,
    time_travel: int = 0,
) -> Iterator[Step]:
    """Run a chain from z = x_t / sqrt(abar_t) at sigmas[0]; it ends in D at the last sigma.

    Args:
        denoiser: a `GuidedDenoiser`, or the prior's own where y is in x_t already.
        z: [B, C, H, W].
        sigmas: descending noise levels in [-1, 1] units, each within the schedule.
        noise: a source for B pictures.
        eta: share of fresh noise, 0 (none) and up.
        time_travel: how often each step is undone by adding its noise again and repeated (Lugmayr
            et al. 2022, RePaint, arXiv:2201.09865, section 4.2; Wang et al. 2022, DDNM,
            section 3.3).
    """
    schedule = denoiser.schedule
    visits = [s for s in sigmas[:-1] for _ in range(1 + time_travel)] + [sigmas[-1]]
    before: tuple[Tensor, float] | None = None
    for index, sigma in enumerate(visits):
        t = schedule.t_from_sigma(sigma)
        x_t = schedule.abar(t) ** 0.5 * z
        x0_hat = denoiser.predict(x_t, t).x0
        yield Step(index, len(visits), t, x_t, x0_hat, index + 1)
        if index + 1 == len(visits):
            break
        repeats = visits[index + 1] == sigma
        following = next(s for s in visits[index + 1 :] if s < sigma)
        h = math.log(sigma / following)
        target = x0_hat
        if before is not None:
            target = x0_hat + (x0_hat - before[0]) * (h / (2 * before[1]))
        z = _advance(z, target, sigma, following, eta, noise)
        before = (x0_hat, h)
        if repeats:
            z = z + math.sqrt(sigma**2 - following**2) * noise.randn(z.shape[1:])
            before = None
    yield Step(len(visits), len(visits), -1, x0_hat, x0_hat, len(visits))


def _advance(
    z: Tensor, target: Tensor, sigma: float, following: float, eta: float, noise: Noise
) -> Tensor:
    """z at the following noise level."""
    keep = (following / sigma) ** (eta**2)
    share = following / sigma * keep
    z = share * z + (1 - share) * target
    if keep < 1:
        z = z + following * math.sqrt(1 - keep**2) * noise.randn(z.shape[1:])
    return z
