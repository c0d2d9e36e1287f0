"""Denoising, deblurring, colourising of pictures that are held whole; larger ones go to `large`.

Each takes a loaded checkpoint, the task's recipe and a picture that Pillow has opened, and raises
`UserError` for a picture that is too large, too small or damaged.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PIL import Image
from torch.nn import functional as F

from ..core.noise import NoiseSource
from ..errors import UserError
from . import colouring, large, noise_by_prior, noisy, settings
from .chains import (
    LEVELS,
    added_noise,
    colour_noise,
    denoiser,
    num_copies,
    run_chains,
    shape_of,
    to_depth,
)
from .greyness import tone
from .observation import Observation
from .operators import FramedBlur, Grey, gaussian_kernel, motion_kernel
from .piece_run import PieceSetup
from .recipe import MIN_SIGMA_255, RestorationRecipe
from .setup import Setup
from .solve import num_chains
from .upload import as_grey, compression_of, prepare

if TYPE_CHECKING:
    from ..recipes.prior import Prior


def denoise(prior: Prior, recipe: RestorationRecipe, image: Image.Image) -> Setup | PieceSetup:
    """A noisy picture; `recipe` is a `tasks.denoise.DenoiseRecipe`."""
    upload = prepare(image, prior.info, recipe.num_images, recipe.reduce)
    how = compression_of(upload) if recipe.artefacts else upload.compression
    if upload.fit.is_large:
        return large.denoise(prior, recipe, upload, MIN_SIGMA_255)
    original = upload.tensor(prior.denoiser.channels).to(prior.device)
    y = original
    if recipe.add_noise_255 is not None:
        y = y + recipe.add_noise_255 / LEVELS * added_noise(recipe, y, upload)
    look = partial(
        noisy.look,
        recipe=recipe,
        min_sigma_255=MIN_SIGMA_255,
        compression=how,
        is_upright=settings.is_upright(prior.info),
    )
    found = look([y], upload.is_grey)
    if found.tone is not None and found.tone.is_grey:
        upload = as_grey(upload)
        y = upload.tensor(prior.denoiser.channels).to(prior.device)
        found = look([y], True)
    noise = NoiseSource.for_run(recipe.seed, recipe.num_images, prior.device)
    network, across = denoiser(prior, upload.fit), colour_noise(recipe, prior.device)
    if recipe.sigma_255 is None and settings.has_jacobian(prior.info):
        found = noise_by_prior.believed(found, network, y, MIN_SIGMA_255)
    is_known = recipe.add_noise_255 is not None
    return Setup(
        found.restored(network, y, recipe, noise, across),
        upload.fit,
        y,
        original=original if is_known else None,
        baseline=("noisy", y) if is_known else None,
        facts=found.facts(recipe),
        shows_removed=True,
        **shape_of(upload),
    )


def deblur(prior: Prior, recipe: RestorationRecipe, image: Image.Image) -> Setup | PieceSetup:
    """A blurred picture, or one blurred first; `recipe` is a `tasks.deblur.DeblurRecipe`."""
    upload = prepare(image, prior.info, num_chains(recipe), recipe.reduce)
    if recipe.kind == "gaussian":
        kernel = gaussian_kernel(recipe.radius_px)
    else:
        kernel = motion_kernel(recipe.length_px, recipe.angle_degrees)
    blur = FramedBlur(kernel)
    if upload.fit.is_large:
        return large.deblur(prior, recipe, upload, blur)
    picture = upload.tensor(prior.denoiser.channels).to(prior.device)
    y = picture
    if recipe.blur_first:
        y = blur.A(F.pad(picture, (blur.margin_px,) * 4, mode="replicate"))
        y = y + recipe.sigma_255 / LEVELS * added_noise(recipe, y, upload)
    channels, height, width = y.shape[1:]
    shape = (channels, height + 2 * blur.margin_px, width + 2 * blur.margin_px)
    sigma_y = recipe.sigma_255 / LEVELS * num_copies(upload, prior) ** 0.5
    seen = Observation(blur, y, sigma_y, shape)
    how = settings.of_checkpoint(prior.info, recipe, settings.JACOBIAN_EVALUATIONS_MORE)
    return Setup(
        run_chains(prior, upload.fit, seen, recipe, how, to_depth(upload), blur.crop),
        upload.fit,
        y,
        original=picture if recipe.blur_first else None,
        baseline=("blurred", y) if recipe.blur_first else None,
        **shape_of(upload),
    )


def colourise(prior: Prior, recipe: RestorationRecipe, image: Image.Image) -> Setup | PieceSetup:
    """A grey picture, or a colour one seen in grey.

    Raises:
        UserError: also where the checkpoint knows no colours.
    """
    if prior.denoiser.channels == 1:
        raise UserError(
            "colourise_grey_prior",
            "This checkpoint knows grey pictures only, so that it has no colours to give; "
            "choose one of colour pictures.",
            field="checkpoint",
        )
    upload = prepare(image, prior.info, num_chains(recipe), recipe.reduce)
    if not upload.is_grey and tone(noisy.joined(large.sampled(upload.pixels, 3))) is not None:
        upload = as_grey(upload)  # grey in disguise, or toned: no colours to compare with
    if prior.info.prior == "photo":
        return colouring.colourise(prior, recipe, upload)
    colour = upload.tensor(3).to(prior.device)
    grey = Grey()
    observation = Observation(grey, grey.A(colour), 0.0, tuple(colour.shape[1:]))
    seen = observation.y.expand(-1, 3, -1, -1)
    how = settings.of_checkpoint(prior.info, recipe, settings.JACOBIAN_EVALUATIONS_MORE)
    return Setup(
        run_chains(prior, upload.fit, observation, recipe, how, to_depth(upload)),
        upload.fit,
        seen,
        original=None if upload.is_grey else colour,
        baseline=None if upload.is_grey else ("grey", seen),
        alpha=upload.alpha,
        is_deep=upload.is_deep,
    )
