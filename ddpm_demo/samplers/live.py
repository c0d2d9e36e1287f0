"""One picture at once, for a page that redraws while a point is dragged: no stream, no recipe.

The noise of every evaluation is mixed of seeds, so that a place on a plane between seeds is a
picture, and a corner of it is the very picture that `generate` gives for that seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..errors import UserError


def mix_seeds(
    seeds: Sequence[int],
    weights: Sequence[float],
    image_shape: tuple[int, int, int],
    num_evaluations: int,
    device: torch.device | str = "cpu",
) -> list[Tensor]:
    """Standard normal noise [1, C, H, W] for each evaluation: sum w_i z_i / |w|.

    Args:
        seeds: of the pictures to mix.
        weights: one a seed, not all 0; only their proportions count.
        image_shape: (C, H, W).
        num_evaluations: how many noises.
        device: where they go.

    Raises:
        UserError: all weights are 0, or not as many as seeds.
    """
    length = math.hypot(*weights)
    if not (length > 0 and math.isfinite(length)) or len(weights) != len(seeds):
        raise UserError(
            "mix_weights",
            "Give one weight for each seed, not all of them 0.",
            field="weights",
        )
    chosen = [(seed, w) for seed, w in zip(seeds, weights, strict=True) if w]
    noise = NoiseSource([seed for seed, _ in chosen], device)
    shares = torch.tensor([w / length for _, w in chosen]).view(-1, 1, 1, 1).to(device)
    return [
        (shares * noise.randn(image_shape)).sum(0, keepdim=True) for _ in range(num_evaluations)
    ]


@torch.inference_mode()
def picture_of(denoiser: Denoiser, noises: Sequence[Tensor], timesteps: Sequence[float]) -> Tensor:
    """What `consistency.consistency` ends with for these noises, [B, C, H, W] in [-1, 1].

    Args:
        denoiser: of a few-step checkpoint.
        noises: [B, C, H, W] each, as many as timesteps.
        timesteps: descending, see `timesteps.timesteps_for`.
    """
    schedule, x_t = denoiser.schedule, noises[0]
    x0 = denoiser.predict(x_t, timesteps[0]).x0
    for noise, t in zip(noises[1:], timesteps[1:], strict=True):
        x0 = denoiser.predict(schedule.q_sample(x0, t, noise), t).x0
    return x0
