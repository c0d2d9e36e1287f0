"""Annealed Langevin dynamics, Song & Ermon 2019 (arXiv:1907.05600), algorithm 1.

The sampler of noise-conditional score networks, on a diffusion model: the network's noise is the
score of the noisy pictures, up to a factor. In x = x_t / sqrt(abar_t) the noise has standard
deviation sigma, and grad log p_sigma(x) = (x0_hat - x) / sigma^2 = -eps / sigma.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..core.step import Step
from .table import LANGEVIN_STEP_SIZE, LANGEVIN_STEPS


@torch.inference_mode()
def langevin(
    denoiser: Denoiser,
    x_t: Tensor,
    timesteps: Sequence[float],
    noise: NoiseSource,
    *,
    langevin_steps: int = LANGEVIN_STEPS,
    step_size: float = LANGEVIN_STEP_SIZE,
) -> Iterator[Step]:
    """x <- x + (alpha / 2) score + sqrt(alpha) z, several times at each sigma, sigma falling.

    alpha is `step_size` sigma^2, so that signal and noise of a step keep their proportion from
    level to level (section 4.3 of the paper, whose `epsilon` is `step_size` times the last level's
    sigma^2). The last level's last evaluation gives the picture, x0_hat itself: what would be left
    of the noise is not (Jolicoeur-Martineau et al. 2020, arXiv:2009.05475, section 3.1).

    Yields one `Step` a level; each costs `langevin_steps` evaluations.

    Args:
        denoiser: predicts x_0 and eps.
        x_t: the start, [B, C, H, W], at timesteps[0].
        timesteps: the levels, descending; t = -1 follows the last.
        noise: a source for B images.
        langevin_steps: updates at each level, 1 or more.
        step_size: alpha / sigma^2, above 0; from 4 on the updates no longer contract.
    """
    schedule, num_levels = denoiser.schedule, len(timesteps)
    x = x_t / schedule.abar(timesteps[0]) ** 0.5
    evaluations = 0
    for level, t in enumerate(timesteps):
        signal, sigma = schedule.abar(t) ** 0.5, schedule.sigma(t)
        for repeat in range(langevin_steps):
            prediction = denoiser.predict(signal * x, t)
            evaluations += 1
            if repeat == 0:
                yield Step(level, num_levels, t, signal * x, prediction.x0, evaluations)
            if level == num_levels - 1 and repeat == langevin_steps - 1:
                break
            drift = -0.5 * step_size * sigma * prediction.eps
            x = x + drift + step_size**0.5 * sigma * noise.randn(x.shape[1:])
    yield Step(num_levels, num_levels, -1, prediction.x0, prediction.x0, evaluations)
