"""Samples of a checkpoint in numbers: what `generate` makes, batch by batch, as arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from ..images import make_grid
from ..pipeline import DDPM
from ..recipes import GenerateRecipe

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

    Args:
        ddpm: the checkpoint.
        recipe: sampler, steps and spacing; its own number of pictures is left aside.
        num_images: N, at least 1.
        batch_size: pictures a run, 1 to 256.
        on_progress: told how many are done.
    """
    batches = []
    for start in range(0, num_images, batch_size):
        count = min(batch_size, num_images - start)
        batch = recipe.replace(seed=recipe.seed + start, num_images=count)
        images = np.stack([np.asarray(image) for image in ddpm.generate(batch).images()])
        batches.append(images if images.ndim == 4 else images[..., None])
        if on_progress is not None:
            on_progress(start + count)
    return np.concatenate(batches)


def contact_sheet(images: np.ndarray) -> Image.Image:
    """The first 64 of uint8 [N, H, W, C] in rows of 8."""
    return make_grid(_to_pil(images[:SHEET_IMAGES]), columns=8)


def pairs_sheet(above: np.ndarray, below: np.ndarray) -> Image.Image:
    """Two rows of uint8 [N, H, W, C], each picture over its partner."""
    return make_grid(_to_pil(np.concatenate([above, below])), columns=len(above))


def _to_pil(images: np.ndarray) -> list[Image.Image]:
    return [Image.fromarray(x[..., 0] if images.shape[-1] == 1 else x) for x in images]
