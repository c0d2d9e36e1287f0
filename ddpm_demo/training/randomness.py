"""All that is random in a step, as a function of (seed, step) and of nothing else.

Neither the number of processes nor a restart can change it: every process draws for the whole
batch and takes its own part, and a resumed run needs no saved random state. The position in the
data is the number of samples drawn so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class StepDraws:
    """What step `step` draws, for the whole batch.

    Args:
        size_px: side of this step's pictures.
        crop: float64 [B, 8] in [0, 1): where each picture is cut, and spare tries.
        flip: bool [B].
        t: int64 [B] in [0, T - 1].
        noise: float32 [B, C, size_px, size_px], of the asked part of the batch.
    """

    size_px: int
    crop: np.ndarray
    flip: np.ndarray
    t: Tensor
    noise: Tensor


def stream(seed: int, purpose: str, number: int) -> np.random.Generator:
    """A NumPy generator of its own for each (seed, purpose, number)."""
    return np.random.default_rng([seed, number, *purpose.encode()])


def size_at(seed: int, step: int, sizes_px: tuple[int, ...]) -> int:
    """Which of the sizes step `step` trains on."""
    if len(sizes_px) == 1:
        return sizes_px[0]
    return sizes_px[int(stream(seed, "size", step).integers(len(sizes_px)))]


def draw_step(
    seed: int, step: int, size_px: int, batch: int, channels: int, num_timesteps: int, part: slice
) -> StepDraws:
    """The draws of one step; `part` says which pictures' noise is wanted.

    The timesteps are stratified over the batch (one from each of B equal parts of [0, T)), which
    leaves each picture's t uniform and makes the loss of a step less noisy.
    """
    generator = stream(seed, "step", step)
    crop = generator.random((batch, 8))
    flip = generator.random(batch) < 0.5
    places = (generator.permutation(batch) + generator.random(batch)) / batch
    t = np.minimum((places * num_timesteps).astype(np.int64), num_timesteps - 1)
    noise_generator = torch.Generator().manual_seed(int(generator.integers(2**62)))
    noise = torch.randn(batch, channels, size_px, size_px, generator=noise_generator)[part]
    return StepDraws(size_px, crop, flip, torch.from_numpy(t), noise)


class Order:
    """Which picture the k-th sample of a run is: every epoch a new permutation of all.

    Args:
        seed: of the run.
        num_images: in the data set.
    """

    def __init__(self, seed: int, num_images: int):
        self.seed = seed
        self.num_images = num_images
        self._epoch = -1
        self._permutation = np.empty(0, dtype=np.int64)

    def index(self, k: int) -> int:
        """The number of the picture that is sample k."""
        epoch, place = divmod(k, self.num_images)
        if epoch != self._epoch:
            self._permutation = stream(self.seed, "epoch", epoch).permutation(self.num_images)
            self._epoch = epoch
        return int(self._permutation[place])
