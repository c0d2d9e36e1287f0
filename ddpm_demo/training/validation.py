"""The loss of the averaged weights on held-out pictures, always with the same noise: it compares.

Only for data sets that come with held-out pictures (`heldout.npy`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .config import TrainConfig
from .data import Feeder, IndexedSamples
from .diffusers_classes import UNet2DModel
from .objective import StepLoss
from .pictures import ArraySource, PackedSource
from .randomness import draw_step

NUM_IMAGES = 256
BATCH = 32
SEED = 20_000_101  # not a run's seed: all runs on the same data share this noise


class Validation:
    """Measures a network on fixed pictures, timesteps and noise.

    Args:
        feeder: held-out pictures.
        size_px: at which to measure.
        channels: of the network.
        num_timesteps: T.
    """

    def __init__(self, feeder: Feeder, size_px: int, channels: int, num_timesteps: int):
        self.feeder = feeder
        self.size_px = size_px
        self.channels = channels
        self.num_timesteps = num_timesteps

    @torch.no_grad()
    def loss(self, unet: UNet2DModel, objective: StepLoss) -> float:
        """The mean weighted loss over `NUM_IMAGES` pictures; of distillation, at the first gap."""

        def predict(x_t: Tensor, t: Tensor) -> Tensor:
            return unet(x_t, t, return_dict=False)[0]

        device = next(unet.parameters()).device
        total = 0.0
        for step in range(NUM_IMAGES // BATCH):
            part = slice(0, BATCH)
            draws = draw_step(
                SEED, step, self.size_px, BATCH, self.channels, self.num_timesteps, part
            )
            x_0 = self.feeder.batch(draws, step * BATCH, part).to(device)
            t = draws.t.to(device)
            total += float(objective.batch_loss(predict, x_0, t, draws.noise.to(device), 0))
        return total * BATCH / NUM_IMAGES


def open_validation(config: TrainConfig, num_timesteps: int) -> Validation | None:
    """The held-out pictures beside the training data; None when there are none that fit."""
    folder = Path(config.data)
    path, index_path = folder / "heldout.npy", folder / "heldout_index.npy"
    if config.validation_minutes is None or not path.is_file():
        return None
    images = np.load(path, mmap_mode="r", allow_pickle=False)
    if index_path.is_file():
        source = PackedSource(images, np.load(index_path, allow_pickle=False))
    else:
        source = ArraySource(images)
        if images.ndim != 4 or images.shape[-1] != config.channels:
            return None
    feeder = Feeder(IndexedSamples(source, SEED), config.fit, flips=False)
    return Validation(feeder, max(config.sizes_px), config.channels, num_timesteps)
