"""The restorations, each from an upload to a `Setup`: what was seen, by which operator.

The engine behind them is `tasks.solve`; nothing here knows how it works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..core.noise import NoiseSource
from ..errors import UserError
from ..pictures.images import plain, to_tensor
from ..pictures.masks import from_picture
from ..tasks.restoration_recipes import (
    MIN_DENOISE_SIGMA_255,
    DenoiseRecipe,
    InpaintRecipe,
    UpscaleRecipe,
)
from . import settings, solve
from .blend import Restoration
from .common import (
    LEVELS,
    added_noise,
    denoiser,
    grey_to_8_bit,
    num_copies,
    run_chains,
    shape_of,
    to_8_bit,
    with_colour_noise,
)
from .fit import Fit
from .noise_level import estimate_sigma
from .observation import Observation
from .operators import AveragePool, Mask
from .repaint import NUM_STEPS, repaint
from .run import Setup
from .saturation import estimate_clipped_sigma, unclip
from .upload import check_mask, expand, feather, fit_mask, prepare

if TYPE_CHECKING:
    from ..pipeline import DDPM


def denoise(ddpm: DDPM, recipe: DenoiseRecipe, image: Image.Image) -> Setup:
    """A noisy picture, or one that is made noisy first."""
    upload = prepare(image, ddpm.info, recipe.num_images, recipe.reduce)
    y = original = upload.tensor(ddpm.denoiser.channels).to(ddpm.device)
    is_clipped = recipe.add_noise_255 is None  # a file holds no more than its range
    if not is_clipped:
        y = y + recipe.add_noise_255 / LEVELS * added_noise(recipe, y, upload)
    estimated = recipe.sigma_255 is None
    # The channels of a grey picture are copies, and so is the noise in them.
    seen = y[:, :1] if upload.is_grey else y
    estimate = estimate_clipped_sigma if is_clipped else estimate_sigma
    sigma_255 = estimate(seen) * LEVELS if estimated else recipe.sigma_255
    sigma_255 = max(sigma_255, MIN_DENOISE_SIGMA_255)
    sigma, finish = sigma_255 / LEVELS, to_8_bit
    z = unclip(y, sigma) if is_clipped else y
    if num_copies(upload, ddpm) > 1:
        z, sigma = with_colour_noise(recipe, z, sigma)
        finish = grey_to_8_bit
    restoration = solve.denoise(
        denoiser(ddpm, upload.fit),
        z,
        sigma,
        recipe,
        NoiseSource.for_run(recipe.seed, recipe.num_images, ddpm.device),
        finish,
    )
    known = recipe.add_noise_255 is not None
    return Setup(
        restoration,
        upload.fit,
        y,
        original=original if known else None,
        baseline=("noisy", y) if known else None,
        facts={"sigma_255": sigma_255, "sigma_estimated": estimated},
        **shape_of(upload),
    )


def inpaint(ddpm: DDPM, recipe: InpaintRecipe, image: Image.Image, mask: Image.Image) -> Setup:
    """A picture with a hole."""
    image = plain(image)
    image, mask = expand(image, from_picture(plain(mask), image.size), recipe.expand)
    upload = prepare(image, ddpm.info, solve.num_chains(recipe), recipe.reduce)
    hole = to_tensor(fit_mask(mask, upload), 1).add(1).div(2).to(ddpm.device)
    check_mask(hole)
    weight = feather(hole, recipe.feather_px)
    known = (weight == 0).float()
    original = upload.tensor(ddpm.denoiser.channels).to(ddpm.device)

    def finish(x: Tensor) -> Tensor:
        return to_8_bit(torch.where(known > 0, original, original + weight * (x - original)))

    if recipe.method == "repaint":
        noise = NoiseSource.for_run(recipe.seed, recipe.num_images, ddpm.device)
        num_steps = recipe.num_steps or min(NUM_STEPS, ddpm.schedule.num_timesteps)
        steps = repaint(denoiser(ddpm, upload.fit), original, known, noise, num_steps)
        restoration = Restoration(steps, recipe.num_images, recipe.perception, finish=finish)
    else:
        observation = Observation(Mask(known), known * original, 0.0, tuple(original.shape[1:]))
        restoration = run_chains(
            ddpm,
            upload.fit,
            observation,
            recipe,
            settings.of_hole(ddpm.info, recipe, hole),
            finish,
        )
    return Setup(
        restoration,
        upload.fit,
        known * original,
        original=None if any(recipe.expand) else original,
        **shape_of(upload),
    )


def upscale(ddpm: DDPM, recipe: UpscaleRecipe, image: Image.Image) -> Setup:
    """A small picture, or one that is made small first."""
    factor, original = recipe.factor, None
    if recipe.reduce_first:
        upload = prepare(image, ddpm.info, solve.num_chains(recipe), recipe.reduce)
        original = upload.tensor(ddpm.denoiser.channels).to(ddpm.device)
        height, width = (side // factor * factor for side in original.shape[-2:])
        _check_reducible(width, height, factor)
        original = original[..., :height, :width]
        y = AveragePool(factor).A(original)
        if recipe.sigma_255 > 0:
            y = y + recipe.sigma_255 / LEVELS * added_noise(recipe, y, upload)
        alpha = upload.alpha and upload.alpha.crop((0, 0, width, height))
        fit = Fit(upload.fit.how, width, height, upload.fit.tile_px, upload.fit.overlap_px)
    else:
        upload = prepare(image, ddpm.info, solve.num_chains(recipe), recipe.reduce, factor)
        y = upload.tensor(ddpm.denoiser.channels).to(ddpm.device)
        alpha = upload.alpha and upload.alpha.resize(
            (upload.fit.width, upload.fit.height), Image.Resampling.BICUBIC
        )
        fit = upload.fit
    pool, exact = AveragePool(factor), recipe.sigma_255 == 0
    shape = (y.shape[1], fit.height, fit.width)
    sigma_y = recipe.sigma_255 / LEVELS * num_copies(upload, ddpm) ** 0.5
    seen = y if recipe.reduce_first else unclip(y, recipe.sigma_255 / LEVELS)
    observation = Observation(pool, seen, sigma_y, shape)

    def finish(x: Tensor) -> Tensor:
        for _ in range(20 if exact else 0):  # in range and consistent at once
            x = pool.prox(x.clamp(-1, 1), y, 0.0, 1.0)
        return to_8_bit(x)

    def check(picture: Tensor) -> dict[str, Any]:
        difference = (pool.A(picture) - y).abs().max()
        return {"consistency_255": float(difference) * LEVELS} if exact else {}

    how = settings.of_checkpoint(ddpm.info, recipe)
    bicubic = F.interpolate(y, scale_factor=factor, mode="bicubic").clamp(-1, 1)
    return Setup(
        run_chains(ddpm, fit, observation, recipe, how, finish),
        fit,
        F.interpolate(y, scale_factor=factor, mode="nearest"),
        original=original,
        baseline=("bicubic", bicubic),
        check=check,
        is_grey=upload.is_grey,
        alpha=alpha,
    )


def _check_reducible(width: int, height: int, factor: int) -> None:
    if min(width, height) < 8 * factor:
        raise UserError(
            "upscale_reduced_too_small",
            "Reduced {factor} times the picture would be smaller than 8 x 8; "
            "give a larger picture or choose a smaller factor.",
            field="factor",
            factor=factor,
        )
