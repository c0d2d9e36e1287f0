"""One step of the reverse process, taken apart.

Ho et al. 2020 (arXiv:2006.11239), algorithm 2: the network's estimate takes the place of x_0 in
the posterior of eq. 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..errors import UserError


@dataclass(frozen=True)
class ReverseStep:
    """One reverse step from x_t; the tensors are [1, C, H, W].

    Args:
        t: 0 to T - 1; x_prev belongs to t - 1, which is the clean picture where t is 0.
        x_t: drawn from q(x_t | x_0).
        eps, x0_hat: the network's estimates.
        mean: c_0 x0_hat + c_t x_t.
        std: of the noise added to it, sqrt(beta tilde).
        x_prev: mean + std z.
    """

    t: int
    x_t: Tensor
    eps: Tensor
    x0_hat: Tensor
    mean: Tensor
    std: float
    x_prev: Tensor


@torch.inference_mode()
def reverse_step(denoiser: Denoiser, x_0: Tensor, t: int, seed: int = 0) -> ReverseStep:
    """Noise the picture x_0 [1, C, H, W] to t, ask the network once, and step to t - 1.

    Args:
        denoiser: the checkpoint's.
        x_0: in [-1, 1].
        t: 0 to T - 1.
        seed: of the noise; first that of x_t, then that of the step.

    Raises:
        UserError: t out of range.
    """
    schedule = denoiser.schedule
    if not 0 <= t < schedule.num_timesteps:
        raise UserError(
            "t_range",
            "The timestep t must be between {low} and {high}, not {value}.",
            field="t",
            low=0,
            high=schedule.num_timesteps - 1,
            value=t,
        )
    noise = NoiseSource([seed], x_0.device, x_0.dtype)
    x_t = schedule.q_sample(x_0, t, noise.randn(x_0.shape[1:]))
    prediction = denoiser.predict(x_t, t)
    c_0, c_t, variance = schedule.posterior_coefficients(t, t - 1)
    mean, std = c_0 * prediction.x0 + c_t * x_t, math.sqrt(variance)
    x_prev = mean + std * noise.randn(x_0.shape[1:])
    return ReverseStep(t, x_t, prediction.eps, prediction.x0, mean, std, x_prev)
