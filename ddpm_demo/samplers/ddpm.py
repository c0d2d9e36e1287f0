"""Ancestral sampling, Ho et al. 2020 (arXiv:2006.11239), algorithm 2, full length or strided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..core.step import Step


@torch.inference_mode()
def ddpm(
    denoiser: Denoiser,
    x_t: Tensor,
    timesteps: Sequence[float],
    noise: NoiseSource,
    *,
    variance: str = "fixed_small",
) -> Iterator[Step]:
    """x_s ~ q(x_s | x_t, x0_hat) for each consecutive pair of timesteps (eq. 6 and 7).

    Args:
        denoiser: predicts x_0.
        x_t: the start, [B, C, H, W], at timesteps[0].
        timesteps: descending; t = -1 follows the last.
        noise: a source for B images.
        variance: "fixed_small" is the posterior variance (beta tilde), "fixed_large" is
            beta = 1 - abar_t / abar_s (section 3.2 of the paper); neither adds noise at the end.
    """
    schedule, num_steps = denoiser.schedule, len(timesteps)
    for index, t in enumerate(timesteps):
        s = timesteps[index + 1] if index + 1 < num_steps else -1
        x0_hat = denoiser.predict(x_t, t).x0
        yield Step(index, num_steps, t, x_t, x0_hat, index + 1)
        c_0, c_t, posterior_variance = schedule.posterior_coefficients(t, s)
        x_t = c_0 * x0_hat + c_t * x_t
        if s >= 0:
            beta = 1 - schedule.abar(t) / schedule.abar(s)
            chosen = beta if variance == "fixed_large" else posterior_variance
            x_t = x_t + chosen**0.5 * noise.randn(x_t.shape[1:])
    yield Step(num_steps, num_steps, -1, x_t, x_t, num_steps)
