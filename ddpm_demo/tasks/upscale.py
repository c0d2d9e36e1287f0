"""A picture enlarged (super-resolution)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from ..recipes.field import field
from ..restoration.recipe import MAX_SIGMA_255, RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.piece_run import PieceSetup
    from ..restoration.setup import Setup


class UpscaleRecipe(RestorationRecipe):
    """A picture enlarged (super-resolution).

    Args:
        factor: of the sides.
        sigma_255: noise in the small picture; at 0 the result, reduced again, gives the small
            picture back.
        reduce_first: the picture is reduced by `factor` first and the result compared with it.
    """

    task: ClassVar[str] = "upscale"
    position: ClassVar[int] = 40
    result_suffix: ClassVar[str] = "upscaled"

    factor: Literal[2, 3, 4, 8] = field(4)
    sigma_255: float = field(0.0, ge=0, le=MAX_SIGMA_255, step=0.5, unit="levels")
    reduce_first: bool = field(False, advanced=True)

    def prepare(self, prior: Prior, image: Image.Image) -> Setup | PieceSetup:
        from ..restoration.upscaling import upscale

        return upscale(prior, self, image)
