"""From a loaded checkpoint and an observation to chains; rounding; noise that is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..core.denoiser import Denoiser, TiledDenoiser
from ..core.noise import NoiseSource
from ..core.seeds import apart
from . import settings, solve
from .blend import Restoration
from .chain import Noise
from .fit import Fit
from .observation import Observation
from .recipe import RestorationRecipe
from .upload import Upload

if TYPE_CHECKING:
    from ..recipes.prior import Prior

LEVELS = 127.5  # 8-bit levels in one unit of [-1, 1]
_DEEP_LEVELS = 32767.5  # 16-bit ones
# Of `PlacedNoise`, so that noise that is added is not that of the chains.
ADDED_NOISE_SEED = 2**40
COLOUR_NOISE_SEED = 2**41
QUARTER_TURNS = (0, 2, 1, 3)  # see `estimated`


def denoiser(prior: Prior, fit: Fit) -> Denoiser:
    """The checkpoint's, in tiles where the fit says so."""
    if fit.how == "tiles":
        return TiledDenoiser(prior.denoiser, fit.tile_px, fit.overlap_px)
    return prior.denoiser


def estimated(
    denoiser: Denoiser, x_t: Tensor, t: float, index: int, is_upright: bool = False
) -> Tensor:
    """x_0 at t, [B, C, H, W], as the network sees it turned for the index-th look: its own errors
    are others then. Upright at every look where it knows its things in no other way."""
    turns = 0 if is_upright else QUARTER_TURNS[index % len(QUARTER_TURNS)]
    seen = denoiser.predict(x_t.rot90(turns, (-2, -1)), t).x0
    return seen.rot90(-turns, (-2, -1))


def to_8_bit(x: Tensor) -> Tensor:
    """The nearest values that an 8-bit picture has, in [-1, 1]."""
    return ((x + 1) * LEVELS).round().clamp(0, 255) / LEVELS - 1


def to_16_bit(x: Tensor) -> Tensor:
    """The same of a 16-bit picture."""
    return ((x + 1) * _DEEP_LEVELS).round().clamp(0, 65535) / _DEEP_LEVELS - 1


def to_depth(upload: Upload) -> Callable[[Tensor], Tensor]:
    """What rounds a result to values that a picture as deep as the upload has."""
    return to_16_bit if upload.is_deep else to_8_bit


def within(x: Tensor) -> Tensor:
    """Between black and white, of any depth."""
    return x.clamp(-1, 1)


def grey_within(x: Tensor) -> Tensor:
    """`within` of the mean of the channels, in all of them."""
    return within(x.mean(1, keepdim=True)).expand(x.shape)


def run_chains(
    prior: Prior,
    fit: Fit,
    observation: Observation,
    recipe: RestorationRecipe,
    how: solve.Settings,
    finish: Callable[[Tensor], Tensor],
    crop: Callable[[Tensor], Tensor] = lambda x: x,
    noise: Noise | None = None,
) -> Restoration:
    """`solve.solve` with the checkpoint's prior; arguments as there, the noise None for the
    recipe's."""
    if noise is None:
        num_sources = solve.num_sources(recipe, how)
        noise = NoiseSource.for_run(recipe.seed, num_sources, prior.device)
    return solve.solve(
        denoiser(prior, fit),
        observation,
        settings.spectrum(prior.info),
        recipe,
        how,
        noise,
        finish,
        crop,
    )


def added_noise(recipe: RestorationRecipe, like: Tensor, upload: Upload) -> Tensor:
    """Noise that is the same in all channels of a grey picture."""
    noise = NoiseSource([apart(recipe.seed, "added noise")], like.device)
    shape = (1, *like.shape[2:]) if upload.is_grey else like.shape[1:]
    return noise.randn(shape).expand(like.shape)


def num_copies(upload: Upload, prior: Prior) -> int:
    """How many channels of the network hold the same noisy values.

    Noise of variance copies * sigma^2, independent in each, says as much as the one copy does.
    """
    return prior.denoiser.channels if upload.is_grey else 1


def colour_noise(recipe: RestorationRecipe, device: torch.device) -> NoiseSource:
    """Where `across_grey` has its noise from."""
    return NoiseSource([apart(recipe.seed, "colour noise")], device)


def across_grey(y: Tensor, sigma: float, noise: Noise) -> tuple[Tensor, float]:
    """A noisy grey picture as a colour one whose noise is independent in all channels, and its
    level: sqrt(C) sigma along the grey axis already, so that much is added across it."""
    level = y.shape[1] ** 0.5 * sigma
    drawn = noise.randn(y.shape[1:])
    return y + level * (drawn - drawn.mean(1, keepdim=True)), level


def shape_of(upload: Upload) -> dict[str, Any]:
    """What a `Setup` keeps of the upload."""
    return {"is_grey": upload.is_grey, "alpha": upload.alpha, "is_deep": upload.is_deep}
