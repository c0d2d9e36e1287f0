"""DDIM, Song et al. 2020 (arXiv:2010.02502): from deterministic (eta 0) to ancestral (eta 1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..core.step import Step


@torch.inference_mode()
def ddim(
    denoiser: Denoiser,
    x_t: Tensor,
    timesteps: Sequence[float],
    noise: NoiseSource | None = None,
    *,
    eta: float = 0.0,
) -> Iterator[Step]:
    """x_s = sqrt(abar_s) x0_hat + sqrt(1 - abar_s - sigma^2) eps + sigma z (eq. 12 and 16).

    Args:
        denoiser: predicts x_0 and eps.
        x_t: the start, [B, C, H, W], at timesteps[0].
        timesteps: descending; t = -1 follows the last.
        noise: a source for B images; may be None when eta is 0.
        eta: share of the ancestral noise, 0 to 1.
    """
    schedule, num_steps = denoiser.schedule, len(timesteps)
    for index, t in enumerate(timesteps):
        s = timesteps[index + 1] if index + 1 < num_steps else -1
        prediction = denoiser.predict(x_t, t)
        yield Step(index, num_steps, t, x_t, prediction.x0, index + 1)
        abar_s = schedule.abar(s)
        variance = eta**2 * schedule.posterior_coefficients(t, s)[2]
        x_t = abar_s**0.5 * prediction.x0 + max(0.0, 1 - abar_s - variance) ** 0.5 * prediction.eps
        if variance > 0 and noise is not None:
            x_t = x_t + variance**0.5 * noise.randn(x_t.shape[1:])
    yield Step(num_steps, num_steps, -1, x_t, x_t, num_steps)
