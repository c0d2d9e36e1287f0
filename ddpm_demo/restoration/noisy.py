"""A noisy picture: what is found out about it once, and how any part of it is denoised.

The whole of a small picture and each block of a large one go the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..pictures.compression import Compression
from . import (
    artefacts,
    demosaicking,
    denoising,
    greyness,
    mosaic_search,
    solve,
)
from .blend import Restoration
from .chain import Noise
from .chains import LEVELS, across_grey, grey_within, within
from .drawn import NOTHING
from .greyness import Tone
from .noise_in_file import found_in
from .noise_level import estimate_sigma
from .noise_model import NoiseModel
from .recipe import RestorationRecipe
from .saturation import unclip

RGB = 3


@dataclass(frozen=True)
class Noisy:
    """What is known of a noisy picture.

    Args:
        model: its noise; of one channel where its channels are copies of one another.
        channels: of the network.
        is_copied: every channel holds the same noisy values: grey, or toned.
        tone: the line that its colours lie on, None for grey and for colours.
        is_clipped: a file cut the noise off at black and white.
        is_nothing: there is no noise to speak of.
        sigma_255: what is said about its level.
        is_large: time counts more than a few hundredths of a decibel.
        compression: the noise is the error of this compression; None for other noise.
        mosaic: the noise came through it; None for other noise, and where it was not looked for:
            of a mean alone.
        is_small: a few hundredths of a decibel cost little time.
        is_upright: the prior knows its things in one way up only.
    """

    model: NoiseModel
    channels: int
    is_copied: bool
    tone: Tone | None
    is_clipped: bool
    is_nothing: bool
    sigma_255: float
    is_large: bool = False
    compression: Compression | None = None
    mosaic: mosaic_search.Found | None = None
    is_small: bool = False
    is_upright: bool = False

    def restored(
        self,
        denoiser: Denoiser,
        y: Tensor,
        recipe: RestorationRecipe,
        noise: Noise,
        across: Noise,
    ) -> Restoration:
        """The picture, or a part of it, without its noise.

        Args:
            denoiser: the prior's.
            y: [1, C, H, W].
            recipe: a `tasks.denoise.DenoiseRecipe`.
            noise: a source for `recipe.num_images` pictures.
            across: of one picture, for grey in a network of colours.
        """
        x = y if self.tone is None else self.tone.brightness(y).expand_as(y)
        copied = self.is_copied and self.channels > 1
        finish: Callable[[Tensor], Tensor] = grey_within if copied else within
        if self.tone is not None:
            finish = self.tone.finish(within)
        if self.compression is not None:
            finish = artefacts.finish(y, self.compression, finish)
        if recipe.amount < 1:
            finish = denoising.blended(y, finish, recipe.amount)
        if self.is_nothing:
            return denoising.unchanged(y, recipe)
        sigma, model = self.sigma_255 / LEVELS, self.model
        curve = None if self.mosaic is not None else model.curve
        is_cut_off = self.is_clipped
        if curve is not None:
            if curve.is_joint and is_cut_off:
                x, is_cut_off = unclip(x, sigma), False  # at black and white of the channels
            x, finish = curve.evened(x, finish)
            model = model.evened()
            sigma = model.sigma
        z = unclip(x, sigma) if is_cut_off else x
        if self.mosaic is not None:
            count, upright = self.num_steps(recipe), self.is_upright
            return demosaicking.demosaic(denoiser, z, self.mosaic, count, finish, upright)
        if not model.is_white:
            model = model.as_grey(self.channels) if copied else model
            count = self.num_steps(recipe)
            return denoising.denoise(
                denoiser, z, model, recipe, noise, count, finish, self.is_upright
            )
        if copied:
            z, sigma = across_grey(z, sigma, across)
        if is_mean(recipe) and self.num_steps(recipe) > 1:
            return denoising.looked_at(denoiser, z, sigma, self.num_steps(recipe), finish)
        return solve.denoise(denoiser, z, sigma, recipe, noise, finish)

    def num_steps(self, recipe: RestorationRecipe) -> int:
        """Of `restored`."""
        if self.is_nothing:
            return 1
        if not is_mean(recipe):
            return recipe.num_steps or solve.DENOISE_STEPS
        if self.mosaic is not None:
            usual = demosaicking.LARGE_STEPS if self.is_large else demosaicking.STEPS
            return recipe.num_steps or usual
        if self.model.is_white:
            usual = denoising.SMALL_LOOKS if self.is_small else 1
            most = 1 if self.is_upright else denoising.MOST_LOOKS
            return min(recipe.num_steps or usual, most)
        usual = denoising.SMALL_DRAWS if self.is_small else denoising.DRAWS
        return recipe.num_steps or (denoising.LARGE_DRAWS if self.is_large else usual)

    def facts(self, recipe: RestorationRecipe) -> dict[str, Any]:
        """What a run says of the noise; of which kind it is where a picture's own was found."""
        facts = {"sigma_255": self.sigma_255, "sigma_estimated": recipe.sigma_255 is None}
        if recipe.sigma_255 is None and recipe.add_noise_255 is None:
            kinds = {
                "none": self.is_nothing,
                "compression": self.compression is not None,
                "mosaic": self.mosaic is not None,
                "white": self.model.is_white and self.model.curve is None,
            }
            facts["noise_kind"] = next((kind for kind, is_it in kinds.items() if is_it), "camera")
        return facts

    def num_chains(self, recipe: RestorationRecipe) -> int:
        """That run side by side; none where the network is not asked."""
        return 0 if self.is_nothing else recipe.num_images


def look(
    parts: Sequence[Tensor],
    is_grey: bool,
    recipe: RestorationRecipe,
    min_sigma_255: float,
    is_large: bool = False,
    compression: Compression | None = None,
    is_upright: bool = False,
) -> Noisy:
    """What the recipe leaves open is found in parts of the picture.

    Args:
        parts: [1, C, h, w] each, as the network is to see them.
        is_grey: their channels are equal.
        recipe: a `tasks.denoise.DenoiseRecipe`.
        min_sigma_255: less noise than this is not believed.
        is_large: see `Noisy`.
        compression: of the JPEG that the parts are from, whose corners lie on multiples of
            `artefacts.MULTIPLE_PX`; None where it is not known, and they lie on even places.
        is_upright: see `Noisy`.
    """
    channels, is_clipped = parts[0].shape[1], recipe.add_noise_255 is None
    tone = None
    if is_clipped and channels == 3 and not is_grey:
        tone = greyness.tone(joined(parts))
    is_copied = is_grey or tone is not None
    if tone is not None:
        if not tone.is_grey:
            compression = None
        parts = [tone.brightness(part) for part in parts]
    seen = [part[:, :1] if is_copied else part for part in parts]
    if recipe.sigma_255 is not None:
        model = NoiseModel.white(recipe.sigma_255 / LEVELS, seen[0].shape[1])
    elif is_clipped:
        seen = [part.cpu() for part in seen]
        model = found_in(seen, compression)
    else:
        levels = torch.tensor([estimate_sigma(part) for part in seen], dtype=torch.float64)
        model = NoiseModel.white(float(levels.median()), seen[0].shape[1])
    is_nothing = recipe.sigma_255 is None and is_clipped and model.sigma < NOTHING
    is_own = compression is not None and compression.profile is None
    mosaic = None
    is_found = recipe.sigma_255 is None and is_clipped and not is_nothing and is_mean(recipe)
    if is_found and seen[0].shape[1] == RGB and (compression is None or is_own):
        mosaic = mosaic_search.find(seen, compression)
    if is_nothing and is_own and recipe.artefacts:
        model = artefacts.model(seen, compression)
        is_clipped = is_nothing = False
    else:
        compression = None
    # What was given stays the very number.
    sigma_255 = recipe.sigma_255 or max(model.sigma * LEVELS, min_sigma_255)
    return Noisy(
        model,
        channels,
        is_copied,
        tone,
        is_clipped,
        is_nothing,
        sigma_255,
        is_large,
        compression,
        mosaic,
        not is_large and parts[0][0, 0].numel() <= denoising.SMALL_PIXELS,
        is_upright,
    )


def is_mean(recipe: RestorationRecipe) -> bool:
    """Whether the posterior mean is wanted, and nothing else."""
    return recipe.perception == 0 and recipe.num_images == 1


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Parts [1, C, h, w] as the pixels of one picture [1, C, 1, N]."""
    return torch.cat([part.flatten(2) for part in parts], 2)[:, :, None]
