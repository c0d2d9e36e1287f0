"""How the chains go, for each kind of prior and of hole: found by measuring, in one place."""

from __future__ import annotations

import dataclasses

from torch import Tensor
from torch.nn import functional as F

from ..checkpoints.library import CheckpointInfo
from .recipe import RestorationRecipe
from .solve import Settings
from .spectrum import OBJECT, PHOTO, Spectrum

# Objects of up to this size are guided by the network's own covariance: the graph of a larger
# network's evaluation may not fit into memory.
JACOBIAN_SIZE_PX = 128
# Evaluations of it behind an inpainting, in each chain that enlarges, and in each of the others.
JACOBIAN_EVALUATIONS = 48
JACOBIAN_EVALUATIONS_MORE = 24
# With fewer steps than these that covariance leads astray (scattered pixels at 10 steps: 25 dB, at
# 20: 42), and the spectrum's guides better (at 10: 40).
MIN_JACOBIAN_STEPS = 8
MIN_JACOBIAN_STEPS_OF_HOLES = 16
# Of photographs above 4 megapixels, where minutes become hours: .1 to .2 dB less.
LARGE_STEPS, LARGE_CHAINS = 6, 2
# A hole is wide that holds a square whose half side is this part of the picture's.
WIDE_HOLE_SHARE = 12
# What an object is, is decided by its coarsest shapes.
OBJECT_SIGMA_START = 20.0


def spectrum(info: CheckpointInfo) -> Spectrum:
    """The power spectrum of what the checkpoint draws."""
    return PHOTO if info.prior == "photo" else OBJECT


def is_upright(info: CheckpointInfo) -> bool:
    """Whether the checkpoint knows its things in one way up only."""
    return info.prior != "photo"


def has_jacobian(info: CheckpointInfo) -> bool:
    """Whether the network's own derivatives are asked for."""
    return info.prior != "photo" and info.size_px <= JACOBIAN_SIZE_PX


def of_checkpoint(
    info: CheckpointInfo,
    recipe: RestorationRecipe,
    num_steps: int = JACOBIAN_EVALUATIONS,
    min_steps: int = MIN_JACOBIAN_STEPS,
) -> Settings:
    """What suits the checkpoint, but for holes.

    Args:
        info: of the checkpoint.
        recipe: what is wanted.
        num_steps: for objects, where the recipe has none.
        min_steps: for objects, with fewer the network's own covariance does not guide.
    """
    if not has_jacobian(info):
        return Settings()
    if recipe.num_steps is not None and recipe.num_steps < min_steps:
        return Settings()
    return Settings(
        num_steps,
        sigma_start=OBJECT_SIGMA_START,
        paired=False,
        weighed=True,
        jacobian=True,
    )


def of_large(recipe: RestorationRecipe) -> Settings:
    """What suits pictures in blocks: a quarter of the evaluations behind a mean."""
    if recipe.perception == 1:
        return Settings()
    return Settings(num_steps=LARGE_STEPS, mean_chains=LARGE_CHAINS)


def of_colours() -> Settings:
    """What suits the colours of photographs.

    A start at sigma = 2 keeps whatever cast the Gaussian drew: the mean of 96 x 96 pixels is known
    to .02 there. From 20 the network decides it.
    """
    return Settings(JACOBIAN_EVALUATIONS_MORE, sigma_start=OBJECT_SIGMA_START)


def of_hole(
    info: CheckpointInfo, recipe: RestorationRecipe, hole: Tensor, time_travel: int = 0
) -> Settings:
    """What suits a hole [1, 1, H, W], with each step undone and repeated `time_travel` times.

    In a wide hole of an object the network's own covariance loses to more chains (PSNR of
    inpainted boxes), so that the spectrum's guides there, from more noise. In others its chains
    hardly ever go wrong, and share the evaluations of one.
    """
    radius_px = max(1, min(hole.shape[-2:]) // WIDE_HOLE_SHARE)
    eroded = 1 - F.max_pool2d(1 - hole, 2 * radius_px + 1, stride=1, padding=radius_px)
    settings = of_checkpoint(info, recipe, min_steps=MIN_JACOBIAN_STEPS_OF_HOLES)
    if info.prior != "photo" and bool(eroded.any()):
        settings = Settings(sigma_start=OBJECT_SIGMA_START)
    elif settings.jacobian:
        num_chains = 1 if recipe.perception == 1 else 2
        settings = dataclasses.replace(
            settings,
            num_steps=JACOBIAN_EVALUATIONS // num_chains,
            mean_chains=num_chains,
            paired=True,
            weighed=False,
        )
    return dataclasses.replace(settings, time_travel=time_travel)
