"""The prior that all diffusion methods share: one checkpoint, its network, evaluations counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ddpm_demo.core.denoiser import Denoiser
from ddpm_demo.pipeline import DDPM
from ddpm_demo.restoration import chains
from ddpm_demo.restoration.fit import fit


class Counter:
    """How many pixels went through a network, as evaluations of a whole picture."""

    def __init__(self, network: nn.Module):
        self.pixels = 0
        network.register_forward_pre_hook(self._count)

    def _count(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x_t = inputs[0]
        self.pixels += x_t.shape[0] * x_t.shape[-2] * x_t.shape[-1]

    def take(self, picture_pixels: int) -> float:
        """Evaluations since the last call, in pictures of that many pixels."""
        pixels, self.pixels = self.pixels, 0
        return pixels / picture_pixels


@dataclass(frozen=True)
class Prior:
    """A checkpoint as ours and as the peers take it.

    Args:
        ddpm: ours.
        denoiser: what the peers get: the same network, whole or in the tiles that ours takes.
        counter: of its evaluations.
    """

    ddpm: DDPM
    denoiser: Denoiser
    counter: Counter

    @classmethod
    def load(cls, checkpoint: str, size_px: int) -> Prior:
        """The checkpoint of that name or folder, for square pictures of that size."""
        ddpm = DDPM.from_pretrained(checkpoint, device="cpu")
        denoiser = chains.denoiser(ddpm, fit(ddpm.info, size_px, size_px))
        return cls(ddpm, denoiser, Counter(ddpm.denoiser.unet))

    def posterior_mean(self, z: Tensor, sigma: float) -> Tensor:
        """E[x_0 | z] for z = x_0 + sigma n, [B, C, H, W] in [-1, 1] units."""
        schedule = self.denoiser.schedule
        t = schedule.t_from_sigma(sigma)
        return self.denoiser.predict(z / (1 + sigma**2) ** 0.5, t).x0


def to_tensor(picture: np.ndarray) -> Tensor:
    """float32 [1, 3, H, W] in [0, 1] of grey levels [H, W, 3]."""
    return torch.as_tensor(picture, dtype=torch.float32).permute(2, 0, 1)[None] / 255
