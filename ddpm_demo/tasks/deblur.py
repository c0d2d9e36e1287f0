"""A picture without its blur."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..recipes.field import field
from ..restoration.recipe import MAX_SIGMA_255, RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.piece_run import PieceSetup
    from ..restoration.setup import Setup


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

    def prepare(self, prior: Prior, image: Image.Image) -> Setup | PieceSetup:
        from ..restoration.whole import deblur

        return deblur(prior, self, image)
