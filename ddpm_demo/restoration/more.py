"""Colourising and deblurring: the same engine, two more operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image
from torch.nn import functional as F

from ..errors import UserError
from ..tasks.restoration_recipes import ColouriseRecipe, DeblurRecipe, RestorationRecipe
from . import settings
from .common import LEVELS, added_noise, num_copies, run_chains, shape_of, to_8_bit
from .observation import Observation
from .operators import FramedBlur, Grey, gaussian_kernel, motion_kernel
from .run import Setup
from .solve import Settings, num_chains
from .upload import prepare

if TYPE_CHECKING:
    from ..pipeline import DDPM


def colourise(ddpm: DDPM, recipe: ColouriseRecipe, image: Image.Image) -> Setup:
    """A picture in grey."""
    if ddpm.denoiser.channels == 1:
        raise UserError(
            "colourise_grey_prior",
            "This checkpoint knows grey pictures only, so that it has no colours to give; "
            "choose one of colour pictures.",
            field="checkpoint",
        )
    upload = prepare(image, ddpm.info, num_chains(recipe), recipe.reduce)
    colour = upload.tensor(3).to(ddpm.device)
    grey = Grey()
    observation = Observation(grey, grey.A(colour), 0.0, tuple(colour.shape[1:]))
    seen = observation.y.expand(-1, 3, -1, -1)
    return Setup(
        run_chains(ddpm, upload.fit, observation, recipe, _settings(ddpm, recipe), to_8_bit),
        upload.fit,
        seen,
        original=None if upload.is_grey else colour,
        baseline=None if upload.is_grey else ("grey", seen),
        alpha=upload.alpha,
    )


def deblur(ddpm: DDPM, recipe: DeblurRecipe, image: Image.Image) -> Setup:
    """A blurred picture, or one that is blurred first."""
    upload = prepare(image, ddpm.info, num_chains(recipe), recipe.reduce)
    picture = upload.tensor(ddpm.denoiser.channels).to(ddpm.device)
    if recipe.kind == "gaussian":
        kernel = gaussian_kernel(recipe.radius_px)
    else:
        kernel = motion_kernel(recipe.length_px, recipe.angle_degrees)
    blur = FramedBlur(kernel)
    y = picture
    if recipe.blur_first:
        y = blur.A(F.pad(picture, (blur.margin_px,) * 4, mode="replicate"))
        y = y + recipe.sigma_255 / LEVELS * added_noise(recipe, y, upload)
    channels, height, width = y.shape[1:]
    shape = (channels, height + 2 * blur.margin_px, width + 2 * blur.margin_px)
    sigma_y = recipe.sigma_255 / LEVELS * num_copies(upload, ddpm) ** 0.5
    observation = Observation(blur, y, sigma_y, shape)
    steps = run_chains(
        ddpm, upload.fit, observation, recipe, _settings(ddpm, recipe), to_8_bit, blur.crop
    )
    return Setup(
        steps,
        upload.fit,
        y,
        original=picture if recipe.blur_first else None,
        baseline=("blurred", y) if recipe.blur_first else None,
        **shape_of(upload),
    )


def _settings(ddpm: DDPM, recipe: RestorationRecipe) -> Settings:
    return settings.of_checkpoint(ddpm.info, recipe, settings.JACOBIAN_EVALUATIONS_MORE)
