"""Consistency sampling with re-noising, Song et al. 2023 (arXiv:2303.01469), algorithm 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..core.step import Step


@torch.inference_mode()
def consistency(
    denoiser: Denoiser, x_t: Tensor, timesteps: Sequence[float], noise: NoiseSource
) -> Iterator[Step]:
    """x_s = sqrt(abar_s) x0_hat + sqrt(1 - abar_s) z with fresh noise z for each timestep s.

    The picture is the last x0_hat: what a network gives that was trained for few evaluations
    (`training.consistency`). An ordinary one gives the mean of all pictures that x_t may be of.

    Args:
        denoiser: predicts x_0.
        x_t: the start, [B, C, H, W], at timesteps[0].
        timesteps: descending.
        noise: a source for B images; one evaluation draws nothing of it.
    """
    schedule, num_steps, x0_hat = denoiser.schedule, len(timesteps), x_t
    for index, t in enumerate(timesteps):
        if index:
            x_t = schedule.q_sample(x0_hat, t, noise.randn(x_t.shape[1:]))
        x0_hat = denoiser.predict(x_t, t).x0
        yield Step(index, num_steps, t, x_t, x0_hat, index + 1)
    yield Step(num_steps, num_steps, -1, x0_hat, x0_hat, num_steps)
