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
    """

    task: ClassVar[str] = "denoise"
    position: ClassVar[int] = 20
    result_suffix: ClassVar[str] = "denoised"

    sigma_255: float | None = field(None, ge=MIN_SIGMA_255, le=MAX_SIGMA_255, unit="levels")
    add_noise_255: float | None = field(
        None, ge=MIN_SIGMA_255, le=MAX_SIGMA_255, unit="levels", advanced=True
    )

    def start(self, prior: Prior, image: Image.Image) -> RestorationRun:
        from ..core.noise import NoiseSource
        from ..restoration import large, solve
        from ..restoration.chains import (
            LEVELS,
            added_noise,
            denoiser,
            grey_to_8_bit,
            num_copies,
            shape_of,
            to_8_bit,
            with_colour_noise,
        )
        from ..restoration.noise_level import estimate_sigma
        from ..restoration.piece_run import PieceRun
        from ..restoration.run import RestorationRun
        from ..restoration.saturation import estimate_clipped_sigma, unclip
        from ..restoration.setup import Setup
        from ..restoration.upload import prepare

        upload = prepare(image, prior.info, self.num_images, self.reduce)
        if upload.fit.is_large:
            estimate = estimate_clipped_sigma if self.add_noise_255 is None else estimate_sigma
            setup = large.denoise(prior, self, upload, estimate, MIN_SIGMA_255)
            return PieceRun(self, prior.info, setup)
        y = original = upload.tensor(prior.denoiser.channels).to(prior.device)
        is_clipped = self.add_noise_255 is None  # a file holds no more than its range
        if not is_clipped:
            y = y + self.add_noise_255 / LEVELS * added_noise(self, y, upload)
        is_estimated = self.sigma_255 is None
        # The channels of a grey picture are copies, and so is the noise in them.
        seen = y[:, :1] if upload.is_grey else y
        estimate = estimate_clipped_sigma if is_clipped else estimate_sigma
        sigma_255 = estimate(seen) * LEVELS if is_estimated else self.sigma_255
        sigma_255 = max(sigma_255, MIN_SIGMA_255)
        sigma, finish = sigma_255 / LEVELS, to_8_bit
        z = unclip(y, sigma) if is_clipped else y
        if num_copies(upload, prior) > 1:
            z, sigma = with_colour_noise(self, z, sigma)
            finish = grey_to_8_bit
        restoration = solve.denoise(
            denoiser(prior, upload.fit),
            z,
            sigma,
            self,
            NoiseSource.for_run(self.seed, self.num_images, prior.device),
            finish,
        )
        is_known = self.add_noise_255 is not None
        setup = Setup(
            restoration,
            upload.fit,
            y,
            original=original if is_known else None,
            baseline=("noisy", y) if is_known else None,
            facts={"sigma_255": sigma_255, "sigma_estimated": is_estimated},
            **shape_of(upload),
        )
        return RestorationRun(self, prior.info, setup)
