"""Colours for a grey picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..recipes.field import field
from ..restoration.recipe import RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.piece_run import PieceSetup
    from ..restoration.setup import Setup


class ColouriseRecipe(RestorationRecipe):
    """Colours for a grey picture; a colour one is seen in grey and then compared with.

    A sample by default: the mean of all colours that something may have is nearly grey.
    """

    task: ClassVar[str] = "colourise"
    position: ClassVar[int] = 50
    result_suffix: ClassVar[str] = "colourised"

    perception: float = field(1.0, ge=0, le=1, step=0.05)

    def prepare(self, prior: Prior, image: Image.Image) -> Setup | PieceSetup:
        from ..restoration.whole import colourise

        return colourise(prior, self, image)
