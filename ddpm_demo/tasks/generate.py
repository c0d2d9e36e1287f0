"""Pictures from noise: x_T ~ N(0, I), then a sampler."""

from __future__ import annotations

from collections.abc import Iterator

from ..checkpoints.model_card import LearnedSteps
from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..core.step import Step
from ..samplers.sample import sample
from ..samplers.timesteps import timesteps_for
from .recipe import GenerateRecipe


def generate(
    denoiser: Denoiser,
    recipe: GenerateRecipe,
    image_shape: tuple[int, int, int],
    noise: NoiseSource,
    *,
    variance: str = "fixed_small",
    learned: LearnedSteps | None = None,
) -> Iterator[Step]:
    """The stream of a run; everything the user can get wrong is refused before the first step.

    Args:
        denoiser: the checkpoint's.
        recipe: with `sampler` and `num_steps` filled in.
        image_shape: (C, H, W).
        noise: a source for `recipe.num_images` images.
        variance: of the "ddpm" sampler, from the checkpoint's scheduler.
        learned: the checkpoint's timesteps, see `timesteps_for`.

    Raises:
        UserError: unknown sampler or spacing, steps or eta out of range.
    """
    assert recipe.sampler is not None and recipe.num_steps is not None
    timesteps = timesteps_for(
        denoiser.schedule, recipe.sampler, recipe.num_steps, recipe.spacing, learned
    )
    x_t = noise.randn(image_shape)
    return sample(
        recipe.sampler, denoiser, x_t, timesteps, noise, eta=recipe.eta, variance=variance
    )
