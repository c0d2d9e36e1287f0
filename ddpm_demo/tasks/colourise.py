"""Colours for a grey picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..restoration.recipe import RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.piece_run import PieceSetup
    from ..restoration.setup import Setup


class ColouriseRecipe(RestorationRecipe):
    """Colours for a grey picture; a colour one is seen in grey and then compared with."""

    task: ClassVar[str] = "colourise"
    position: ClassVar[int] = 50
    result_suffix: ClassVar[str] = "colourised"

    def prepare(self, prior: Prior, image: Image.Image) -> Setup | PieceSetup:
        from ..restoration.whole import colourise

        return colourise(prior, self, image)
