"""Samples of a checkpoint in numbers: what `generate` makes, batch by batch, as arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from ..core.device import gather, process_share
from ..pictures.images import make_grid
from ..pipeline import DDPM
from ..tasks.generate import GenerateRecipe

SHEET_IMAGES = 64


def sample_images(
    ddpm: DDPM,
    recipe: GenerateRecipe,
    num_images: int,
    batch_size: int = 50,
    on_progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """uint8 [N, H, W, C] of seeds recipe.seed to recipe.seed + num_images - 1.

    The very pictures that the doors give: 8-bit, and the same for a seed at any batch size.
    Several processes share the batches, and all get all pictures.

    Args:
        ddpm: the checkpoint.
        recipe: sampler, steps and spacing; its own number of pictures is left aside.
        num_images: N, at least 1.
        batch_size: pictures a run, 1 to 256.
        on_progress: told how many are done.
    """
    index, count = process_share()
    starts = range(0, num_images, batch_size)
    batches = []
    for first in range(0, len(starts), count):
        together = starts[first : first + count]
        own = together[min(index, len(together) - 1)]  # one without work helps for nothing
        size = min(batch_size, num_images - own)
        recipe_of_batch = recipe.replace(seed=recipe.seed + own, num_images=size)
        images = np.stack([np.asarray(x) for x in ddpm.generate(recipe_of_batch).images()])
        images = images if images.ndim == 4 else images[..., None]
        batches += [images] if count == 1 else _from_all(images, batch_size)[: len(together)]
        if on_progress is not None:
            on_progress(min(together[-1] + batch_size, num_images))
    return np.concatenate(batches)[:num_images]


def _from_all(images: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """The batch of every process, in their order; a short one is filled up at its end."""
    full = np.zeros((batch_size, *images.shape[1:]), np.uint8)
    full[: len(images)] = images
    return list(gather(torch.from_numpy(full)[None]).numpy())


def contact_sheet(images: np.ndarray) -> Image.Image:
    """The first 64 of uint8 [N, H, W, C] in rows of 8."""
    return make_grid(_to_pil(images[:SHEET_IMAGES]), columns=8)


def pairs_sheet(above: np.ndarray, below: np.ndarray) -> Image.Image:
    """Two rows of uint8 [N, H, W, C], each picture over its partner."""
    return make_grid(_to_pil(np.concatenate([above, below])), columns=len(above))


def _to_pil(images: np.ndarray) -> list[Image.Image]:
    return [Image.fromarray(x[..., 0] if images.shape[-1] == 1 else x) for x in images]
