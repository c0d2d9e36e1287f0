"""Denoising, deblurring and enlarging of pictures too large to be held as floats:
block by block, see `blocks`. Every block goes the way that a small picture goes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from . import artefacts, denoising, noisy, settings, solve
from .blend import Restoration
from .blocks import in_blocks, sample_windows
from .canvas import Canvas, from_pixels
from .chains import (
    ADDED_NOISE_SEED,
    COLOUR_NOISE_SEED,
    LEVELS,
    denoiser,
    num_copies,
    run_chains,
    to_depth,
)
from .fit import Fit
from .greyness import onto_tone
from .mosaic import SIDE_PX
from .observation import Observation
from .operators import AveragePool, FramedBlur
from .piece_run import PieceSetup
from .placed_noise import PlacedNoise
from .recipe import RestorationRecipe
from .saturation import unclip
from .strips import STRIP_ROWS, by_strips, strips, with_margin
from .upload import Upload, as_grey
from .window import Window

if TYPE_CHECKING:
    from ..recipes.prior import Prior

# Surroundings of a block that the Gaussian prior's reflecting border may spoil.
CONTEXT_PX = 16


def denoise(
    prior: Prior, recipe: RestorationRecipe, upload: Upload, min_sigma_255: float
) -> PieceSetup:
    """As `whole.denoise`.

    Args:
        prior, recipe, upload: what is wanted of what. What the noise is like is found in squares
            that lie evenly over the picture.
        min_sigma_255: less noise than this is not believed.
    """
    channels, added = prior.denoiser.channels, recipe.add_noise_255

    def observed(window: Window) -> Tensor:
        y = from_pixels(pixels[window.slices], channels).to(prior.device)
        return y if added is None else y + added / LEVELS * _added(recipe, y, upload, window)

    pixels = upload.pixels
    how = upload.compression
    places = sample_windows(
        *pixels.shape[:2], multiple=SIDE_PX if how is None else artefacts.MULTIPLE_PX
    )

    def look(is_grey: bool) -> noisy.Noisy:
        parts = [observed(window) for window in places]
        is_upright = settings.is_upright(prior.info)
        return noisy.look(parts, is_grey, recipe, min_sigma_255, True, how, is_upright)

    found = look(upload.is_grey)
    if found.tone is not None and found.tone.is_grey:
        upload = as_grey(upload)
        pixels = upload.pixels
        found = look(True)
    upload = upload.without_pixels()

    def make(window: Window) -> Restoration:
        seeds = range(recipe.seed, recipe.seed + recipe.num_images)
        noise = PlacedNoise(seeds, window, prior.device)
        across = PlacedNoise([recipe.seed + COLOUR_NOISE_SEED], window, prior.device)
        network = denoiser(prior, upload.fit)
        return found.restored(network, observed(window), recipe, noise, across)

    canvas = _canvas(pixels, recipe, channels, recipe.num_images)
    is_mean, has_mosaic = noisy.is_mean(recipe), found.mosaic is not None
    is_local = found.model.is_white or not denoising.is_coloured(found.model)
    multiple = SIDE_PX if has_mosaic else 1
    if recipe.artefacts:
        multiple = artefacts.MULTIPLE_PX
    steps = in_blocks(
        canvas,
        upload.fit,
        found.num_chains(recipe),
        found.num_steps(recipe),
        make,
        0 if is_mean and is_local and not has_mosaic else CONTEXT_PX,
        multiple,
    )
    seen = None if added is None else by_strips(pixels, observed)
    return PieceSetup(
        steps,
        upload.fit,
        lambda: pixels if seen is None else seen,
        original=None if seen is None else pixels,
        baseline=None if seen is None else ("noisy", seen),
        facts=found.facts(recipe),
        alpha=upload.alpha,
        shows_removed=True,
    )


def deblur(
    prior: Prior, recipe: RestorationRecipe, upload: Upload, blur: FramedBlur
) -> PieceSetup:
    """As `whole.deblur`."""
    pixels, channels, margin = upload.pixels, prior.denoiser.channels, blur.margin_px
    upload = upload.without_pixels()
    sigma_y = recipe.sigma_255 / LEVELS * num_copies(upload, prior) ** 0.5
    how = settings.of_large(recipe)

    def observed(window: Window) -> Tensor:
        if not recipe.blur_first:
            return from_pixels(pixels[window.slices], channels).to(prior.device)
        around = with_margin(pixels, window, margin)
        y = blur.A(from_pixels(around, channels).to(prior.device))
        return y + recipe.sigma_255 / LEVELS * _added(recipe, y, upload, window)

    def make(window: Window) -> Restoration:
        y = observed(window)
        shape = (channels, window.height + 2 * margin, window.width + 2 * margin)
        return run_chains(
            prior,
            upload.fit,
            Observation(blur, y, sigma_y, shape),
            recipe,
            how,
            to_depth(upload),
            blur.crop,
            _noise(prior, recipe, how, window),
        )

    blurred = by_strips(pixels, observed) if recipe.blur_first else pixels
    canvas = _canvas(blurred, recipe, channels, solve.num_chains(recipe, how))
    steps = in_blocks(
        canvas,
        upload.fit,
        solve.num_chains(recipe, how),
        recipe.num_steps or how.num_steps,
        make,
        margin + CONTEXT_PX,
    )
    return PieceSetup(
        steps,
        upload.fit,
        lambda: blurred,
        original=pixels if recipe.blur_first else None,
        baseline=("blurred", blurred) if recipe.blur_first else None,
        alpha=upload.alpha,
    )


def upscale(prior: Prior, recipe: RestorationRecipe, upload: Upload, fit: Fit) -> PieceSetup:
    """As `upscaling.upscale` has it for small results; `fit` is the result's."""
    pixels, channels, factor = upload.pixels, prior.denoiser.channels, recipe.factor
    upload = upload.without_pixels()
    pool, exact, rounded = AveragePool(factor), recipe.sigma_255 == 0, to_depth(upload)
    sigma_y = recipe.sigma_255 / LEVELS * num_copies(upload, prior) ** 0.5
    how = settings.of_large(recipe)
    original = pixels[: fit.height, : fit.width] if recipe.reduce_first else None

    def observed(window: Window) -> Tensor:
        """The small picture of a window of the result."""
        if original is None:
            small = Window(*(side // factor for side in dataclasses.astuple(window)))
            return from_pixels(pixels[small.slices], channels).to(prior.device)
        y = pool.A(from_pixels(original[window.slices], channels).to(prior.device))
        small = Window(*(side // factor for side in dataclasses.astuple(window)))
        return y + recipe.sigma_255 / LEVELS * _added(recipe, y, upload, small)

    # Of the picture that is seen, though reduced: a line of colours stays one.
    onto = onto_tone(noisy.joined(sampled(pixels, channels)))

    def make(window: Window) -> Restoration:
        y = observed(window)
        seen = y if recipe.reduce_first else unclip(y, recipe.sigma_255 / LEVELS)

        def finish(x: Tensor) -> Tensor:
            x = onto(x)
            for _ in range(20 if exact else 0):  # in range and consistent at once
                x = pool.prox(x.clamp(-1, 1), y, 0.0, 1.0)
            return rounded(pool.within(x, y) if exact else x)

        shape = (channels, window.height, window.width)
        observation = Observation(pool, seen, sigma_y, shape)
        noise = _noise(prior, recipe, how, window)
        return run_chains(prior, fit, observation, recipe, how, finish, noise=noise)

    def enlarged(mode: str) -> np.ndarray:
        def of(window: Window) -> Tensor:
            y = observed(window)
            return F.interpolate(y, scale_factor=factor, mode=mode)

        rows = STRIP_ROWS // factor * factor
        like = np.empty((fit.height, fit.width, *pixels.shape[2:]), pixels.dtype)
        return by_strips(like, of, rows)

    canvas = _canvas(enlarged("bicubic"), recipe, channels, solve.num_chains(recipe, how))
    steps = in_blocks(
        canvas,
        fit,
        solve.num_chains(recipe, how),
        recipe.num_steps or how.num_steps,
        make,
        CONTEXT_PX,
        factor,
    )

    def check(result: np.ndarray) -> dict[str, Any]:
        if not exact:
            return {}
        worst = 0.0
        for window in strips(fit.height, fit.width, STRIP_ROWS // factor * factor):
            difference = pool.A(from_pixels(result[window.slices], channels)) - observed(window)
            worst = max(worst, float(difference.abs().max()))
        return {"consistency_255": worst * LEVELS}

    return PieceSetup(
        steps,
        fit,
        lambda: enlarged("nearest"),
        original=original,
        baseline=("bicubic", canvas.pixels) if original is not None else None,
        check=check,
        alpha=upload.alpha
        and upload.alpha.resize((fit.width, fit.height), Image.Resampling.BICUBIC),
    )


def sampled(pixels: np.ndarray, channels: int) -> list[Tensor]:
    """Squares of a picture [1, channels, h, w], for what is to be found out of it."""
    places = sample_windows(*pixels.shape[:2])
    return [from_pixels(pixels[place.slices], channels) for place in places]


def _canvas(
    pixels: np.ndarray, recipe: RestorationRecipe, channels: int, num_chains: int
) -> Canvas:
    is_mean = recipe.perception == 0
    return Canvas(
        pixels, 1 if is_mean else recipe.num_images, channels, with_spread=num_chains > 1
    )


def _noise(
    prior: Prior, recipe: RestorationRecipe, how: solve.Settings, window: Window
) -> PlacedNoise:
    count = solve.num_sources(recipe, how)
    return PlacedNoise(range(recipe.seed, recipe.seed + count), window, prior.device)


def _added(recipe: RestorationRecipe, like: Tensor, upload: Upload, window: Window) -> Tensor:
    """Noise that is the same in all channels of a grey picture."""
    noise = PlacedNoise([recipe.seed + ADDED_NOISE_SEED], window, like.device)
    shape = (1, *like.shape[2:]) if upload.is_grey else tuple(like.shape[1:])
    return noise.randn(shape).expand(like.shape)
