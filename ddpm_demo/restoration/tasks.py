"""The restorations, each from an upload to a `Setup`: what was seen, by which operator.

The engine behind them is `tasks.solve`; nothing here knows how it works.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..denoiser import Denoiser, TiledDenoiser
from ..errors import UserError
from ..images import plain, to_tensor
from ..masks import from_picture
from ..noise import NoiseSource
from ..operators import (
    AveragePool,
    FramedBlur,
    Grey,
    Mask,
    gaussian_kernel,
    motion_kernel,
)
from ..operators.spectrum import OBJECT, PHOTO, Spectrum
from ..tasks import solve
from ..tasks.blend import Restoration
from ..tasks.noise_level import estimate_sigma
from ..tasks.observation import Observation
from ..tasks.repaint import NUM_STEPS, repaint
from ..tasks.restoration_recipes import (
    MIN_DENOISE_SIGMA_255,
    ColouriseRecipe,
    DeblurRecipe,
    DenoiseRecipe,
    InpaintRecipe,
    RestorationRecipe,
    UpscaleRecipe,
)
from ..tasks.saturation import estimate_clipped_sigma, unclip
from .pictures import Upload, check_mask, expand, feather, fit_mask, prepare
from .prior import Fit
from .run import Setup

if TYPE_CHECKING:
    from ..pipeline import DDPM

LEVELS = 127.5  # 8-bit levels in one unit of [-1, 1]
# Noise that is added comes from other generators than that of the chains.
ADDED_NOISE_SEED = 2**40
COLOUR_NOISE_SEED = 2**41
# Objects of up to this size are guided by the network's own covariance: the graph of a larger
# network's evaluation may not fit into memory.
JACOBIAN_SIZE_PX = 128
# Evaluations of it behind an inpainting, and in each chain of the other tasks.
JACOBIAN_EVALUATIONS = 48
# A hole is wide that holds a square whose half side is this part of the picture's.
WIDE_HOLE_SHARE = 12
# What an object is, is decided by its coarsest shapes.
OBJECT_SIGMA_START = 20.0


def denoise(ddpm: DDPM, recipe: DenoiseRecipe, image: Image.Image) -> Setup:
    """A noisy picture, or one that is made noisy first."""
    upload = prepare(image, ddpm.info, recipe.num_images, recipe.reduce)
    y = original = upload.tensor(ddpm.denoiser.channels).to(ddpm.device)
    is_clipped = recipe.add_noise_255 is None  # a file holds no more than its range
    if not is_clipped:
        y = y + recipe.add_noise_255 / LEVELS * _added_noise(recipe, y, upload)
    estimated = recipe.sigma_255 is None
    # The channels of a grey picture are copies, and so is the noise in them.
    seen = y[:, :1] if upload.is_grey else y
    estimate = estimate_clipped_sigma if is_clipped else estimate_sigma
    sigma_255 = estimate(seen) * LEVELS if estimated else recipe.sigma_255
    sigma_255 = max(sigma_255, MIN_DENOISE_SIGMA_255)
    sigma, finish = sigma_255 / LEVELS, to_8_bit
    z = unclip(y, sigma) if is_clipped else y
    if _copies(upload, ddpm) > 1:
        z, sigma = _with_colour_noise(recipe, z, sigma)
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
        **_shape(upload),
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
        restoration = _solve(
            ddpm, upload.fit, observation, recipe, _holes(ddpm, recipe, hole), finish
        )
    return Setup(
        restoration,
        upload.fit,
        known * original,
        original=None if any(recipe.expand) else original,
        **_shape(upload),
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
            y = y + recipe.sigma_255 / LEVELS * _added_noise(recipe, y, upload)
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
    sigma_y = recipe.sigma_255 / LEVELS * _copies(upload, ddpm) ** 0.5
    seen = y if recipe.reduce_first else unclip(y, recipe.sigma_255 / LEVELS)
    observation = Observation(pool, seen, sigma_y, shape)

    def finish(x: Tensor) -> Tensor:
        for _ in range(20 if exact else 0):  # in range and consistent at once
            x = pool.prox(x.clamp(-1, 1), y, 0.0, 1.0)
        return to_8_bit(x)

    def check(picture: Tensor) -> dict[str, Any]:
        difference = (pool.A(picture) - y).abs().max()
        return {"consistency_255": float(difference) * LEVELS} if exact else {}

    bicubic = F.interpolate(y, scale_factor=factor, mode="bicubic").clamp(-1, 1)
    return Setup(
        _solve(ddpm, fit, observation, recipe, _settings(ddpm), finish),
        fit,
        F.interpolate(y, scale_factor=factor, mode="nearest"),
        original=original,
        baseline=("bicubic", bicubic),
        check=check,
        is_grey=upload.is_grey,
        alpha=alpha,
    )


def colourise(ddpm: DDPM, recipe: ColouriseRecipe, image: Image.Image) -> Setup:
    """A picture in grey."""
    if ddpm.denoiser.channels == 1:
        raise UserError(
            "colourise_grey_prior",
            "This checkpoint knows grey pictures only, so that it has no colours to give; "
            "choose one of colour pictures.",
            field="checkpoint",
        )
    upload = prepare(image, ddpm.info, solve.num_chains(recipe), recipe.reduce)
    colour = upload.tensor(3).to(ddpm.device)
    grey = Grey()
    observation = Observation(grey, grey.A(colour), 0.0, tuple(colour.shape[1:]))
    seen = observation.y.expand(-1, 3, -1, -1)
    return Setup(
        _solve(ddpm, upload.fit, observation, recipe, solve.Settings(), to_8_bit),
        upload.fit,
        seen,
        original=None if upload.is_grey else colour,
        baseline=None if upload.is_grey else ("grey", seen),
        alpha=upload.alpha,
    )


def deblur(ddpm: DDPM, recipe: DeblurRecipe, image: Image.Image) -> Setup:
    """A blurred picture, or one that is blurred first."""
    upload = prepare(image, ddpm.info, solve.num_chains(recipe), recipe.reduce)
    picture = upload.tensor(ddpm.denoiser.channels).to(ddpm.device)
    if recipe.kind == "gaussian":
        kernel = gaussian_kernel(recipe.radius_px)
    else:
        kernel = motion_kernel(recipe.length_px, recipe.angle_degrees)
    blur = FramedBlur(kernel)
    y = picture
    if recipe.blur_first:
        y = blur.A(F.pad(picture, (blur.margin_px,) * 4, mode="replicate"))
        y = y + recipe.sigma_255 / LEVELS * _added_noise(recipe, y, upload)
    channels, height, width = y.shape[1:]
    shape = (channels, height + 2 * blur.margin_px, width + 2 * blur.margin_px)
    sigma_y = recipe.sigma_255 / LEVELS * _copies(upload, ddpm) ** 0.5
    observation = Observation(blur, y, sigma_y, shape)
    steps = _solve(ddpm, upload.fit, observation, recipe, solve.Settings(), to_8_bit, blur.crop)
    return Setup(
        steps,
        upload.fit,
        y,
        original=picture if recipe.blur_first else None,
        baseline=("blurred", y) if recipe.blur_first else None,
        **_shape(upload),
    )


def denoiser(ddpm: DDPM, fit: Fit) -> Denoiser:
    """The checkpoint's, in tiles where the fit says so."""
    if fit.how == "tiles":
        return TiledDenoiser(ddpm.denoiser, fit.tile_px, fit.overlap_px)
    return ddpm.denoiser


def spectrum(ddpm: DDPM) -> Spectrum:
    return PHOTO if ddpm.info.prior == "photo" else OBJECT


def to_8_bit(x: Tensor) -> Tensor:
    """The nearest values that an 8-bit picture has, in [-1, 1]."""
    return ((x + 1) * LEVELS).round().clamp(0, 255) / LEVELS - 1


def _holes(ddpm: DDPM, recipe: InpaintRecipe, hole: Tensor) -> solve.Settings:
    """What suits a hole [1, 1, H, W].

    In a wide hole of an object the network's own covariance loses to more chains (PSNR of
    inpainted boxes), so that the spectrum's guides there, from more noise.
    """
    radius_px = max(1, min(hole.shape[-2:]) // WIDE_HOLE_SHARE)
    eroded = 1 - F.max_pool2d(1 - hole, 2 * radius_px + 1, stride=1, padding=radius_px)
    if ddpm.info.prior != "photo" and bool(eroded.any()):
        settings = solve.Settings(sigma_start=OBJECT_SIGMA_START)
    else:
        num_chains = 1 if recipe.perception == 1 else 2
        settings = _settings(ddpm, JACOBIAN_EVALUATIONS // num_chains)
    return dataclasses.replace(settings, time_travel=recipe.time_travel or 0)


def _settings(ddpm: DDPM, num_steps: int = JACOBIAN_EVALUATIONS) -> solve.Settings:
    """What suits the checkpoint, but for wide holes; `num_steps` for objects."""
    if ddpm.info.prior == "photo" or ddpm.info.size_px > JACOBIAN_SIZE_PX:
        return solve.Settings()
    return solve.Settings(num_steps, sigma_start=OBJECT_SIGMA_START, mean_pairs=1, jacobian=True)


def grey_to_8_bit(x: Tensor) -> Tensor:
    """`to_8_bit` of the mean of the channels, in all of them."""
    return to_8_bit(x.mean(1, keepdim=True)).expand(x.shape)


def _solve(
    ddpm: DDPM,
    fit: Fit,
    observation: Observation,
    recipe: RestorationRecipe,
    settings: solve.Settings,
    finish: Callable[[Tensor], Tensor],
    crop: Callable[[Tensor], Tensor] = lambda x: x,
) -> Restoration:
    noise = NoiseSource.for_run(
        recipe.seed, solve.num_sources(recipe, settings.mean_pairs), ddpm.device
    )
    prior = denoiser(ddpm, fit)
    return solve.solve(prior, observation, spectrum(ddpm), recipe, settings, noise, finish, crop)


def _added_noise(recipe: RestorationRecipe, like: Tensor, upload: Upload) -> Tensor:
    """Noise that is the same in all channels of a grey picture."""
    noise = NoiseSource([recipe.seed + ADDED_NOISE_SEED], like.device)
    shape = (1, *like.shape[2:]) if upload.is_grey else like.shape[1:]
    return noise.randn(shape).expand(like.shape)


def _copies(upload: Upload, ddpm: DDPM) -> int:
    """How many channels of the network hold the same noisy values.

    Noise of variance copies * sigma^2, independent in each, says as much as the one copy does.
    """
    return ddpm.denoiser.channels if upload.is_grey else 1


def _with_colour_noise(recipe: RestorationRecipe, y: Tensor, sigma: float) -> tuple[Tensor, float]:
    """A noisy grey picture as a colour one whose noise is independent in all channels, and its
    level: sqrt(C) sigma along the grey axis already, so that much is added across it."""
    level = y.shape[1] ** 0.5 * sigma
    noise = NoiseSource([recipe.seed + COLOUR_NOISE_SEED], y.device).randn(y.shape[1:])
    return y + level * (noise - noise.mean(1, keepdim=True)), level


def _shape(upload: Upload) -> dict[str, Any]:
    return {"is_grey": upload.is_grey, "alpha": upload.alpha}


def _check_reducible(width: int, height: int, factor: int) -> None:
    if min(width, height) < 8 * factor:
        raise UserError(
            "upscale_reduced_too_small",
            "Reduced {factor} times the picture would be smaller than 8 x 8; "
            "give a larger picture or choose a smaller factor.",
            field="factor",
            factor=factor,
        )
