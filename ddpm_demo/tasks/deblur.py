"""A picture without its blur."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..recipes.field import field
from ..restoration.recipe import MAX_SIGMA_255, RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.run import RestorationRun


def _is_gaussian(values: Mapping[str, Any]) -> bool:
    return values.get("kind") == "gaussian"


def _is_motion(values: Mapping[str, Any]) -> bool:
    return values.get("kind") == "motion"


class DeblurRecipe(RestorationRecipe):
    """A picture without its blur.

    Args:
        kind: "gaussian" (out of focus) or "motion" (shaken).
        radius_px: standard deviation of a Gaussian blur.
        length_px: of a motion blur.
        angle_degrees: of a motion blur, anticlockwise from level.
        sigma_255: noise in the blurred picture, above 0: without any, what the blur all but
            removed would be brought back with the rounding of the file, much enlarged.
        blur_first: the picture is blurred (and noise added) first and the result compared with it.
    """

    task: ClassVar[str] = "deblur"
    position: ClassVar[int] = 60
    result_suffix: ClassVar[str] = "deblurred"

    kind: Literal["gaussian", "motion"] = field("gaussian")
    radius_px: float = field(2.0, ge=0.3, le=20, step=0.1, unit="pixels", applies=_is_gaussian)
    length_px: float = field(9.0, ge=1, le=64, step=0.5, unit="pixels", applies=_is_motion)
    angle_degrees: float = field(0.0, ge=-360, le=360, step=1, unit="degrees", applies=_is_motion)
    sigma_255: float = field(2.0, ge=0.25, le=MAX_SIGMA_255, step=0.25, unit="levels")
    blur_first: bool = field(False, advanced=True)

    def start(self, prior: Prior, image: Image.Image) -> RestorationRun:
        from torch.nn import functional as F

        from ..restoration import large, settings
        from ..restoration.chains import (
            LEVELS,
            added_noise,
            num_copies,
            run_chains,
            shape_of,
            to_8_bit,
        )
        from ..restoration.observation import Observation
        from ..restoration.operators import FramedBlur, gaussian_kernel, motion_kernel
        from ..restoration.piece_run import PieceRun
        from ..restoration.run import RestorationRun
        from ..restoration.setup import Setup
        from ..restoration.solve import num_chains
        from ..restoration.upload import prepare

        upload = prepare(image, prior.info, num_chains(self), self.reduce)
        if self.kind == "gaussian":
            kernel = gaussian_kernel(self.radius_px)
        else:
            kernel = motion_kernel(self.length_px, self.angle_degrees)
        blur = FramedBlur(kernel)
        if upload.fit.is_large:
            return PieceRun(self, prior.info, large.deblur(prior, self, upload, blur))
        picture = upload.tensor(prior.denoiser.channels).to(prior.device)
        y = picture
        if self.blur_first:
            y = blur.A(F.pad(picture, (blur.margin_px,) * 4, mode="replicate"))
            y = y + self.sigma_255 / LEVELS * added_noise(self, y, upload)
        channels, height, width = y.shape[1:]
        shape = (channels, height + 2 * blur.margin_px, width + 2 * blur.margin_px)
        sigma_y = self.sigma_255 / LEVELS * num_copies(upload, prior) ** 0.5
        how = settings.of_checkpoint(prior.info, self, settings.JACOBIAN_EVALUATIONS_MORE)
        setup = Setup(
            run_chains(
                prior,
                upload.fit,
                Observation(blur, y, sigma_y, shape),
                self,
                how,
                to_8_bit,
                blur.crop,
            ),
            upload.fit,
            y,
            original=picture if self.blur_first else None,
            baseline=("blurred", y) if self.blur_first else None,
            **shape_of(upload),
        )
        return RestorationRun(self, prior.info, setup)
