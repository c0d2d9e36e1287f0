"""RePaint as published, for those who want the paper: Lugmayr et al. 2022, arXiv:2201.09865.

Algorithm 1 with the jumps of section 4.2: known pixels are noised anew at every step, unknown ones
sampled by DDPM, and every `jump_length` steps the chain goes that many steps back up, `resample`
times in all. 250 timesteps, 10 and 10 make 2,410 evaluations. The engine (`tasks.solve`) needs a
fiftieth of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.step import Step
from ..samplers.timesteps import make_timesteps
from .chain import Noise

NUM_STEPS = 250
JUMP_LENGTH = 10
RESAMPLE = 10


def repaint_visits(
    num_steps: int, jump_length: int = JUMP_LENGTH, resample: int = RESAMPLE
) -> list[int]:
    """The levels visited one after the other, from `num_steps` (noise) to 0 (the picture)."""
    left = dict.fromkeys(range(0, num_steps - jump_length, jump_length), resample - 1)
    level, visits = num_steps, [num_steps]
    while level > 0:
        level -= 1
        visits.append(level)
        if left.get(level, 0) > 0:
            left[level] -= 1
            visits += range(level + 1, level + jump_length + 1)
            level += jump_length
    return visits


@torch.inference_mode()
def repaint(
    denoiser: Denoiser,
    x_0: Tensor,
    known: Tensor,
    noise: Noise,
    num_steps: int = NUM_STEPS,
    jump_length: int = JUMP_LENGTH,
    resample: int = RESAMPLE,
) -> Iterator[Step]:
    """A step is an evaluation; the way back up between two of them costs none.

    Args:
        denoiser: the prior's; eps is derived again from its clipped x_0.
        x_0: [1, C, H, W], of which the unknown pixels are not looked at.
        known: [1, 1, H, W], 1 = known.
        noise: a source for B pictures.
        num_steps: timesteps, 1 to T.
        jump_length, resample: j and r of the paper.
    """
    schedule = denoiser.schedule
    t_of = [-1.0, *reversed(make_timesteps(schedule, num_steps, "trailing"))]
    visits = repaint_visits(num_steps, jump_length, resample)
    total = sum(after < before for before, after in zip(visits, visits[1:], strict=False))
    shape = x_0.shape[1:]
    x_t, index = noise.randn(shape), 0
    for before, after in zip(visits, visits[1:], strict=False):
        t, s = t_of[before], t_of[after]
        if after > before:  # eq. 1, from t up to s
            alpha = schedule.abar(s) / schedule.abar(t)
            x_t = math.sqrt(alpha) * x_t + math.sqrt(1 - alpha) * noise.randn(shape)
            continue
        x0_hat = denoiser.predict(x_t, t).x0
        yield Step(index, total, t, x_t, x0_hat, index + 1)
        index += 1
        c_0, c_t, variance = schedule.posterior_coefficients(t, s)
        unknown = c_0 * x0_hat + c_t * x_t  # eq. 8b
        seen = x_0
        if s >= 0:
            unknown = unknown + math.sqrt(variance) * noise.randn(shape)
            seen = schedule.q_sample(x_0, s, noise.randn(shape))  # eq. 8a
        x_t = known * seen + (1 - known) * unknown  # eq. 8c
    yield Step(index, total, -1, x_t, x_t, index)
