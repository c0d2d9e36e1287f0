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
        from ..restoration import large, noisy
        from ..restoration.chains import LEVELS, added_noise, colour_noise, denoiser, shape_of
        from ..restoration.piece_run import PieceRun
        from ..restoration.run import RestorationRun
        from ..restoration.setup import Setup
        from ..restoration.upload import as_grey, prepare

        upload = prepare(image, prior.info, self.num_images, self.reduce)
        if upload.fit.is_large:
            return PieceRun(self, prior.info, large.denoise(prior, self, upload, MIN_SIGMA_255))
        original = upload.tensor(prior.denoiser.channels).to(prior.device)
        y = original
        if self.add_noise_255 is not None:
            y = y + self.add_noise_255 / LEVELS * added_noise(self, y, upload)
        found = noisy.look([y], upload.is_grey, self, MIN_SIGMA_255)
        if found.tone is not None and found.tone.is_grey:
            upload = as_grey(upload)
            y = upload.tensor(prior.denoiser.channels).to(prior.device)
            found = noisy.look([y], True, self, MIN_SIGMA_255)
        noise = NoiseSource.for_run(self.seed, self.num_images, prior.device)
        network, across = denoiser(prior, upload.fit), colour_noise(self, prior.device)
        is_known = self.add_noise_255 is not None
        setup = Setup(
            found.restored(network, y, self, noise, across),
            upload.fit,
            y,
            original=original if is_known else None,
            baseline=("noisy", y) if is_known else None,
            facts={
                "sigma_255": found.sigma_255,
                "sigma_estimated": self.sigma_255 is None,
            },
            shows_removed=True,
            **shape_of(upload),
        )
        return RestorationRun(self, prior.info, setup)
