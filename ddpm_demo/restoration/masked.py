"""Pictures of which a part is made anew: held whole, or hole by hole where they are large."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..core.noise import NoiseSource
from ..pictures.alpha import filled
from ..pictures.images import plain, to_tensor
from ..pictures.masks import from_picture, nothing
from . import settings, solve
from .blend import Restoration
from .canvas import Canvas
from .chains import denoiser, run_chains, shape_of, to_depth
from .greyness import onto_tone
from .inpainting import Plan, fill, grown, observed
from .observation import Observation
from .operators import Mask
from .piece_run import PieceSetup
from .recipe import RestorationRecipe
from .repaint import NUM_STEPS, repaint
from .setup import Setup
from .upload import Upload, check_feather, check_mask, expand, feather, fit_mask, prepare

if TYPE_CHECKING:
    from ..recipes.prior import Prior


def inpaint(
    prior: Prior, recipe: RestorationRecipe, image: Image.Image, mask: Image.Image | None
) -> Setup | PieceSetup:
    """A picture with a part of it, or its surroundings, to be made anew.

    Args:
        prior: the checkpoint.
        recipe: a `tasks.inpaint.InpaintRecipe`.
        image: any picture that Pillow has opened.
        mask: what is to be filled; None for nothing but the sides that `recipe.expand` adds.

    Raises:
        UserError: too large, too small or damaged; a mask of everything or nothing.
    """
    image = plain(image)
    mask = nothing(image.size) if mask is None else from_picture(mask, image.size)
    image, mask = expand(image, mask, recipe.expand)
    upload = prepare(image, prior.info, solve.num_chains(recipe), recipe.reduce)
    mask = fit_mask(mask, upload)
    if upload.alpha is not None:
        upload = dataclasses.replace(upload, alpha=filled(upload.alpha, mask))
    if upload.fit.how == "tiles":
        return _hole_by_hole(prior, recipe, upload, mask)
    hole = to_tensor(mask, 1).add(1).div(2).to(prior.device)
    check_mask(hole)
    weight = feather(hole, recipe.feather_px)
    check_feather(weight > 0)
    known = (weight == 0).float()
    original = upload.tensor(prior.denoiser.channels).to(prior.device)
    onto = onto_tone(original[..., (known[0, 0] > 0)][:, :, None])

    rounded = to_depth(upload)

    def finish(x: Tensor) -> Tensor:
        x = onto(x)
        return rounded(torch.where(known > 0, original, original + weight * (x - original)))

    if recipe.method == "repaint":
        noise = NoiseSource.for_run(recipe.seed, recipe.num_images, prior.device)
        num_steps = recipe.num_steps or min(NUM_STEPS, prior.schedule.num_timesteps)
        steps = repaint(denoiser(prior, upload.fit), original, known, noise, num_steps)
        restoration = Restoration(steps, recipe.num_images, recipe.perception, finish=finish)
    else:
        seen = Observation(Mask(known), known * original, 0.0, tuple(original.shape[1:]))
        how = settings.of_hole(prior.info, recipe, hole, recipe.time_travel or 0)
        restoration = run_chains(prior, upload.fit, seen, recipe, how, finish)
    return Setup(
        restoration,
        upload.fit,
        known * original,
        original=None if any(recipe.expand) else original,
        **shape_of(upload),
    )


def _hole_by_hole(
    prior: Prior, recipe: RestorationRecipe, upload: Upload, mask: Image.Image
) -> PieceSetup:
    """Of any size: what is far from every hole is not looked at."""
    pixels, hole = upload.pixels, np.asarray(mask) > 0
    upload = upload.without_pixels()
    check_mask(hole)
    check_feather(grown(hole, round(recipe.feather_px)))
    is_mean = recipe.perception == 0
    canvas = Canvas(
        pixels,
        1 if is_mean else recipe.num_images,
        prior.denoiser.channels,
        with_spread=not is_mean and recipe.num_images > 1 or recipe.perception < 1,
    )
    plan = Plan(
        canvas,
        hole,
        recipe.feather_px,
        recipe.time_travel or 0,
        recipe.method,
        upload.compression,
    )
    steps = fill(prior, recipe, plan)
    return PieceSetup(
        steps,
        upload.fit,
        lambda: observed(plan),
        original=None if any(recipe.expand) else pixels,
        changed=[piece.window for piece in steps.pieces],
        alpha=upload.alpha,
    )
