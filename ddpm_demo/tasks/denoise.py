"""A noisy picture in, a clean one out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..recipes.field import field
from ..restoration.recipe import MAX_SIGMA_255, RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.run import RestorationRun

# Less than this is below the rounding of 8-bit pictures.
MIN_SIGMA_255 = 0.5


class DenoiseRecipe(RestorationRecipe):
    """A picture without its noise.

    Args:
        sigma_255: standard deviation of the noise in 8-bit levels; None to estimate it, also where
            noise is added.
        add_noise_255: noise added first, drawn from the seed; PSNR and SSIM are then reported.
            None for none.
        amount: how much of the noise goes: 1 all that was found, 0 gives the picture back.
    """

    task: ClassVar[str] = "denoise"
    position: ClassVar[int] = 20
    result_suffix: ClassVar[str] = "denoised"
    beside: ClassVar[tuple[str, ...]] = (*RestorationRecipe.beside, "removed")

    sigma_255: float | None = field(None, ge=MIN_SIGMA_255, le=MAX_SIGMA_255, unit="levels")
    add_noise_255: float | None = field(
        None, ge=MIN_SIGMA_255, le=MAX_SIGMA_255, unit="levels", advanced=True
    )
    amount: float = field(1.0, ge=0, le=1, step=0.05, advanced=True)

    def start(self, prior: Prior, image: Image.Image) -> RestorationRun:
        from ..core.noise import NoiseSource
        from ..restoration import denoising, greyness, large, noise_model, solve
        from ..restoration.chains import (
            LEVELS,
            added_noise,
            denoiser,
            grey_to_8_bit,
            shape_of,
            to_8_bit,
            with_colour_noise,
        )
        from ..restoration.noise_level import estimate_sigma
        from ..restoration.noise_model import NoiseModel
        from ..restoration.piece_run import PieceRun
        from ..restoration.run import RestorationRun
        from ..restoration.saturation import estimate_clipped_sigma, unclip
        from ..restoration.setup import Setup
        from ..restoration.upload import as_grey, prepare

        upload = prepare(image, prior.info, self.num_images, self.reduce)
        if upload.fit.is_large:
            estimate = estimate_clipped_sigma if self.add_noise_255 is None else estimate_sigma
            setup = large.denoise(prior, self, upload, estimate, MIN_SIGMA_255)
            return PieceRun(self, prior.info, setup)
        channels = prior.denoiser.channels
        original = upload.tensor(channels).to(prior.device)
        is_clipped = self.add_noise_255 is None  # a file holds no more than its range
        tone = None
        if is_clipped and channels == 3 and not upload.is_grey:
            tone = greyness.tone(original)
            if tone is not None and tone.is_grey:
                tone, upload = None, as_grey(upload)
                original = upload.tensor(channels).to(prior.device)
        y = original
        if not is_clipped:
            y = y + self.add_noise_255 / LEVELS * added_noise(self, y, upload)
        observed = y
        if tone is not None:
            y = tone.brightness(y).expand_as(y)
        # The channels of a grey picture are copies, and so is the noise in them.
        is_copied = upload.is_grey or tone is not None
        seen = y[:, :1] if is_copied else y
        if self.sigma_255 is not None:
            model = NoiseModel.white(self.sigma_255 / LEVELS, seen.shape[1])
        elif is_clipped:
            model = noise_model.estimate(seen.cpu())
        else:
            model = NoiseModel.white(estimate_sigma(seen), seen.shape[1])
        is_nothing = self.sigma_255 is None and is_clipped and model.sigma < noise_model.NOTHING
        # What was given stays the very number.
        sigma_255 = self.sigma_255 or max(model.sigma * LEVELS, MIN_SIGMA_255)
        sigma, finish = sigma_255 / LEVELS, to_8_bit
        z = unclip(y, sigma) if is_clipped else y
        if is_copied and channels > 1:
            finish = grey_to_8_bit
        if tone is not None:
            finish = tone.finish(to_8_bit)
        if self.amount < 1:
            finish = denoising.blended(observed, finish, self.amount, to_8_bit)
        network = denoiser(prior, upload.fit)
        noise = NoiseSource.for_run(self.seed, self.num_images, prior.device)
        if is_nothing:
            restoration = denoising.unchanged(y, self, finish)
        elif model.is_white:
            if is_copied and channels > 1:
                z, sigma = with_colour_noise(self, z, sigma)
            restoration = solve.denoise(network, z, sigma, self, noise, finish)
        else:
            if is_copied and channels > 1:
                model = model.as_grey(channels)
            restoration = denoising.denoise(network, z, model, self, noise, finish)
        is_known = self.add_noise_255 is not None
        setup = Setup(
            restoration,
            upload.fit,
            observed,
            original=original if is_known else None,
            baseline=("noisy", y) if is_known else None,
            facts={"sigma_255": sigma_255, "sigma_estimated": self.sigma_255 is None},
            shows_removed=True,
            **shape_of(upload),
        )
        return RestorationRun(self, prior.info, setup)
