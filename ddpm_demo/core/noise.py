"""Noise that depends on an image's seed and on nothing else.

Image i of a run owns a generator seeded `seed + i`, drawn on the CPU: so a seed gives the same
picture whatever the batch, the device or the other images of the run.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .mixture import Parts
from .seeds import MAX_SEED

__all__ = ["MAX_SEED", "MixedNoise", "NoiseSource", "slerp"]


class NoiseSource:
    """Standard normal noise for a batch, one CPU generator an image.

    Args:
        seeds: one an image, each in [0, 2**63).
        device: where the drawn noise goes.
        dtype: float32 in the app, float64 in tests against closed forms.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        self.seeds = tuple(int(s) for s in seeds)
        self.device = torch.device(device)
        self.dtype = dtype
        self.generators = [torch.Generator("cpu").manual_seed(s) for s in self.seeds]

    @classmethod
    def for_run(
        cls,
        seed: int,
        num_images: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> NoiseSource:
        """The source of a run: seeds `seed`, `seed + 1`, ... `seed + num_images - 1`."""
        return cls(range(seed, seed + num_images), device, dtype)

    def __len__(self) -> int:
        return len(self.seeds)

    def randn(self, image_shape: Sequence[int]) -> Tensor:
        """The next draw, [B, *image_shape], one from each image's generator."""
        draws = [torch.randn(*image_shape, generator=g, dtype=self.dtype) for g in self.generators]
        return torch.stack(draws).to(self.device)


class MixedNoise(NoiseSource):
    """Standard normal noise for a batch, each image's mixed of its seeds' noises.

    An image of one part has that seed's noise to the last bit.

    Args:
        images: the parts of each image, see `mixture.unit`.
        device, dtype: as for `NoiseSource`.
    """

    def __init__(
        self,
        images: Sequence[Parts],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__([seed for parts in images for seed, _ in parts], device, dtype)
        self._shares = [torch.tensor([w for _, w in parts], dtype=dtype) for parts in images]

    def __len__(self) -> int:
        return len(self._shares)

    def randn(self, image_shape: Sequence[int]) -> Tensor:
        """The next draw, [B, *image_shape]."""
        made = iter(self.generators)
        mixed = []
        for shares in self._shares:
            draws = [
                share * torch.randn(*image_shape, generator=next(made), dtype=self.dtype)
                for share in shares
            ]
            mixed.append(torch.stack(draws).sum(0) if len(draws) > 1 else draws[0])
        return torch.stack(mixed).to(self.device)


def slerp(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """Spherical interpolation from a (weight 0) to b (weight 1), per image of the batch [B, ...].

    Shoemake 1985. Keeps the norm of Gaussian noise, which a straight line would shrink. Falls back
    to the straight line where a and b are almost parallel.
    """
    flat_a, flat_b = a.flatten(1), b.flatten(1)
    cos = torch.nn.functional.cosine_similarity(flat_a, flat_b, dim=1).clamp(-1, 1)
    theta = torch.acos(cos)
    sin = torch.sin(theta)
    parallel = sin < 1e-4
    safe = torch.where(parallel, torch.ones_like(sin), sin)
    w_a = torch.where(
        parallel, torch.full_like(sin, 1 - weight), torch.sin((1 - weight) * theta) / safe
    )
    w_b = torch.where(parallel, torch.full_like(sin, weight), torch.sin(weight * theta) / safe)
    shape = (-1, *[1] * (a.ndim - 1))
    return w_a.view(shape) * a + w_b.view(shape) * b
