"""Sample sheets while training: always the same seeds, so that sheets compare over time."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..core.denoiser import UNetDenoiser
from ..core.noise import NoiseSource
from ..core.schedule import Schedule
from ..pictures.images import make_grid, to_pil
from ..samplers.sample import sample
from ..samplers.timesteps import timesteps_for
from .config import TrainConfig
from .diffusers_classes import UNet2DModel
from .few_steps import FewSteps, few_steps


@torch.inference_mode()
def sample_images(
    unet: UNet2DModel,
    schedule: Schedule,
    prediction_type: str,
    num_images: int,
    size_px: int,
    num_steps: int,
    seed: int = 0,
) -> Tensor:
    """DDIM samples (Song et al. 2020, eq. 12, eta = 0), float32 [N, C, S, S], on the CPU."""
    # The average goes on changing: a half copy of it, made once, would not.
    denoiser = UNetDenoiser(unet, schedule, prediction_type, precision="float32")
    shape = (denoiser.channels, size_px, size_px)
    x_t = NoiseSource.for_run(seed, num_images, denoiser.device).randn(shape)
    times = np.linspace(schedule.num_timesteps - 1, 0, num_steps + 1).round().astype(int)[:-1]
    for t, s in zip(times, [*times[1:], -1], strict=True):
        prediction = denoiser.predict(x_t, int(t))
        abar_s = schedule.abar(int(s))
        x_t = math.sqrt(abar_s) * prediction.x0 + math.sqrt(1 - abar_s) * prediction.eps
    return x_t.float().cpu()


@torch.inference_mode()
def sample_distilled(
    unet: UNet2DModel,
    schedule: Schedule,
    prediction_type: str,
    num_images: int,
    size_px: int,
    few: FewSteps,
) -> Tensor:
    """Samples in the fewest evaluations from two on, float32 [N, C, S, S], on the CPU."""
    # The average goes on changing: a half copy of it, made once, would not.
    denoiser = UNetDenoiser(unet, schedule, prediction_type, precision="float32")
    noise = NoiseSource.for_run(0, num_images, denoiser.device)
    times = timesteps_for(
        schedule, few.sampler, few.num_steps, learned={few.sampler: few.timesteps}
    )
    x_t = noise.randn((denoiser.channels, size_px, size_px))
    *_, last = sample(few.sampler, denoiser, x_t, times, noise)
    return last.x0_hat.float().cpu()


def write_sheet(
    unet: UNet2DModel, schedule: Schedule, prediction_type: str, config: TrainConfig, path: Path
) -> np.ndarray:
    """Draws `config.num_samples` pictures of seeds 0, 1, ... and saves them as one PNG.

    Returns them as uint8 [N, S, S, C].

    Raises:
        OSError: the file cannot be written.
    """
    what = (unet, schedule, prediction_type, config.num_samples, max(config.sizes_px))
    if config.distils:
        images = sample_distilled(*what, few_steps(config, schedule))
    else:
        images = sample_images(*what, config.sample_num_steps)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    pictures = to_pil(images)
    make_grid(pictures).save(temporary, format="PNG")
    temporary.replace(path)
    arrays = np.stack([np.asarray(picture) for picture in pictures])
    return arrays if arrays.ndim == 4 else arrays[..., None]
