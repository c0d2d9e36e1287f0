"""A noisy picture in, a clean one out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..recipes.field import field
from ..restoration.recipe import MAX_SIGMA_255, MIN_SIGMA_255, RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.piece_run import PieceSetup
    from ..restoration.setup import Setup


class DenoiseRecipe(RestorationRecipe):
    """A picture without its noise.

    Args:
        sigma_255: standard deviation of the noise in 8-bit levels; None to estimate it, also where
            noise is added.
        add_noise_255: noise added first, drawn from the seed; PSNR and SSIM are then reported.
            None for none.
        amount: how much of the noise goes: 1 all that was found, 0 gives the picture back.
        artefacts: where no noise is found in a JPEG, what its compression did is removed. The
            picture is the very file: a PNG of it does not say how it was compressed.
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
    artefacts: bool = field(False, advanced=True)

    def prepare(self, prior: Prior, image: Image.Image) -> Setup | PieceSetup:
        from ..restoration.whole import denoise

        return denoise(prior, self, image)
