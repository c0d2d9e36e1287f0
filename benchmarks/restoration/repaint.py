"""diffusers' `RePaintScheduler` on our network: Lugmayr et al. 2022 (arXiv:2201.09865).

The scheduler wants a network that predicts eps. Ours predicts v: eps is derived from its x_0 after
clipping, as the paper's own code does. The loop is that of diffusers' former RePaintPipeline. The
paper's setting, T = 250, jumps of 10, 10 resamplings, costs 2,410 evaluations.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from .cases import Case
from .methods import INPAINT, Method
from .prior import Prior, to_tensor


@torch.inference_mode()
def repaint(
    num_steps: int, jump_length: int, jump_n_sample: int, eta: float, case: Case, prior: Prior
) -> np.ndarray:
    from diffusers import RePaintScheduler

    betas = prior.denoiser.schedule.betas.numpy()
    scheduler = RePaintScheduler(
        num_train_timesteps=len(betas), trained_betas=betas, eta=eta, clip_sample=True
    )
    scheduler.set_timesteps(num_steps, jump_length, jump_n_sample)
    original = 2 * to_tensor(case.observed) - 1
    known = torch.from_numpy(~case.mask).float()[None, None]
    generator = torch.Generator().manual_seed(0)
    x_t = torch.randn(original.shape, generator=generator)
    t_last = int(scheduler.timesteps[0]) + 1
    for t in scheduler.timesteps.tolist():
        if t < t_last:
            eps = prior.denoiser.predict(x_t, t).eps
            x_t = scheduler.step(eps, t, x_t, original, known, generator).prev_sample
        else:
            x_t = scheduler.undo_step(x_t, t_last, generator)
        t_last = t
    return ((x_t[0] + 1) * 127.5).permute(1, 2, 0).numpy()


def methods(family: str, setting: tuple[int, int, int]) -> list[Method]:
    """RePaint with (T, jump length, resamplings), the noise of the paper (eta = 1)."""
    steps, jump, samples = setting
    name = f"T {steps}, jump {jump}, {samples} times"
    return [Method(family, name, INPAINT, partial(repaint, *setting, 1.0), uses_prior=True)]
