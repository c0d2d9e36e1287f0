"""Colours for a grey picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..errors import UserError
from ..restoration.recipe import RestorationRecipe

if TYPE_CHECKING:
    from PIL import Image

    from ..recipes.prior import Prior
    from ..restoration.run import RestorationRun


class ColouriseRecipe(RestorationRecipe):
    """Colours for a grey picture; a colour one is seen in grey and then compared with."""

    task: ClassVar[str] = "colourise"
    position: ClassVar[int] = 50
    result_suffix: ClassVar[str] = "colourised"

    def start(self, prior: Prior, image: Image.Image) -> RestorationRun:
        from ..restoration import large, settings
        from ..restoration.chains import run_chains, to_8_bit
        from ..restoration.observation import Observation
        from ..restoration.operators import Grey
        from ..restoration.piece_run import PieceRun
        from ..restoration.run import RestorationRun
        from ..restoration.setup import Setup
        from ..restoration.solve import num_chains
        from ..restoration.upload import prepare

        if prior.denoiser.channels == 1:
            raise UserError(
                "colourise_grey_prior",
                "This checkpoint knows grey pictures only, so that it has no colours to give; "
                "choose one of colour pictures.",
                field="checkpoint",
            )
        upload = prepare(image, prior.info, num_chains(self), self.reduce)
        if upload.fit.is_large:
            return PieceRun(self, prior.info, large.colourise(prior, self, upload))
        colour = upload.tensor(3).to(prior.device)
        grey = Grey()
        observation = Observation(grey, grey.A(colour), 0.0, tuple(colour.shape[1:]))
        seen = observation.y.expand(-1, 3, -1, -1)
        how = settings.of_checkpoint(prior.info, self, settings.JACOBIAN_EVALUATIONS_MORE)
        setup = Setup(
            run_chains(prior, upload.fit, observation, self, how, to_8_bit),
            upload.fit,
            seen,
            original=None if upload.is_grey else colour,
            baseline=None if upload.is_grey else ("grey", seen),
            alpha=upload.alpha,
        )
        return RestorationRun(self, prior.info, setup)
