"""Super-resolution: a small picture as averages over squares of a large one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..errors import UserError
from . import large, settings, solve
from .chains import LEVELS, added_noise, num_copies, run_chains, to_depth
from .fit import Fit
from .greyness import onto_tone
from .observation import Observation
from .operators import AveragePool
from .piece_run import PieceSetup
from .recipe import RestorationRecipe
from .saturation import unclip
from .setup import Setup
from .upload import Upload, prepare

if TYPE_CHECKING:
    from ..recipes.prior import Prior


def upscale(prior: Prior, recipe: RestorationRecipe, image: Image.Image) -> Setup | PieceSetup:
    """A small picture, or one that is made small first.

    Args:
        prior: the checkpoint.
        recipe: a `tasks.upscale.UpscaleRecipe`.
        image: any picture that Pillow has opened.

    Raises:
        UserError: too large, too small or damaged.
    """
    factor, original = recipe.factor, None
    if recipe.reduce_first:
        upload = prepare(image, prior.info, solve.num_chains(recipe), recipe.reduce)
        if upload.fit.is_large:
            return _large_reduced(prior, recipe, upload)
        original = upload.tensor(prior.denoiser.channels).to(prior.device)
        height, width = (side // factor * factor for side in original.shape[-2:])
        _check_reducible(width, height, factor)
        original = original[..., :height, :width]
        y = AveragePool(factor).A(original)
        if recipe.sigma_255 > 0:
            y = y + recipe.sigma_255 / LEVELS * added_noise(recipe, y, upload)
        alpha = upload.alpha and upload.alpha.crop((0, 0, width, height))
        fit = Fit(upload.fit.how, width, height, upload.fit.tile_px, upload.fit.overlap_px)
    else:
        upload = prepare(image, prior.info, solve.num_chains(recipe), recipe.reduce, factor)
        if upload.fit.is_large:
            return large.upscale(prior, recipe, upload, upload.fit)
        y = upload.tensor(prior.denoiser.channels).to(prior.device)
        alpha = upload.alpha and upload.alpha.resize(
            (upload.fit.width, upload.fit.height), Image.Resampling.BICUBIC
        )
        fit = upload.fit
    pool, exact = AveragePool(factor), recipe.sigma_255 == 0
    shape = (y.shape[1], fit.height, fit.width)
    sigma_y = recipe.sigma_255 / LEVELS * num_copies(upload, prior) ** 0.5
    seen = y if recipe.reduce_first else unclip(y, recipe.sigma_255 / LEVELS)
    observation = Observation(pool, seen, sigma_y, shape)

    onto, rounded = onto_tone(y), to_depth(upload)

    def finish(x: Tensor) -> Tensor:
        x = onto(x)
        for _ in range(20 if exact else 0):  # in range and consistent at once
            x = pool.prox(x.clamp(-1, 1), y, 0.0, 1.0)
        return rounded(pool.within(x, y) if exact else x)

    def check(picture: Tensor) -> dict[str, Any]:
        difference = (pool.A(picture) - y).abs().max()
        return {"consistency_255": float(difference) * LEVELS} if exact else {}

    how = settings.of_checkpoint(prior.info, recipe)
    bicubic = F.interpolate(y, scale_factor=factor, mode="bicubic").clamp(-1, 1)
    return Setup(
        run_chains(prior, fit, observation, recipe, how, finish),
        fit,
        F.interpolate(y, scale_factor=factor, mode="nearest"),
        original=original,
        baseline=("bicubic", bicubic),
        check=check,
        is_grey=upload.is_grey,
        alpha=alpha,
        is_deep=upload.is_deep,
    )


def _large_reduced(prior: Prior, recipe: RestorationRecipe, upload: Upload) -> PieceSetup:
    factor = recipe.factor
    width, height = (side // factor * factor for side in (upload.fit.width, upload.fit.height))
    _check_reducible(width, height, factor)
    if upload.alpha is not None:
        alpha = upload.alpha.crop((0, 0, width, height))
        upload = dataclasses.replace(upload, alpha=alpha)
    fit = dataclasses.replace(upload.fit, width=width, height=height)
    return large.upscale(prior, recipe, upload, fit)


def _check_reducible(width: int, height: int, factor: int) -> None:
    if min(width, height) < 8 * factor:
        raise UserError(
            "upscale_reduced_too_small",
            "Reduced {factor} times the picture would be smaller than 8 x 8; "
            "give a larger picture or choose a smaller factor.",
            field="factor",
            factor=factor,
        )
