"""What all restorations share of what can be asked; each is a file in `tasks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import UserError
from ..recipes.field import field
from ..recipes.inputs import Picture
from ..recipes.recipe import MAX_STEPS, Recipe

if TYPE_CHECKING:
    from ..recipes.prior import Prior
    from ..recipes.run import Run

MAX_SAMPLES = 16
# Of noise: less than the first is below the rounding of 8-bit pictures.
MIN_SIGMA_255, MAX_SIGMA_255 = 0.5, 255.0


class RestorationRecipe(Recipe):
    """What all restorations share.

    Args:
        perception: 0 for the posterior mean (faithful, best PSNR), 1 for samples (sharp); between
            them, the straight line, which is the best there is for either measure (Freirich et
            al. 2021, arXiv:2107.02555, theorem 3).
        num_images: samples drawn; sample i uses seed + i. With perception 0 there is one picture
            however many samples stand behind its uncertainty.
        num_steps: U-Net evaluations a sample; None for what suits the task.
        reduce: a picture above the limit is reduced to it instead of refused.
    """

    inputs: ClassVar[tuple[Picture, ...]] = (Picture("image"),)
    beside: ClassVar[tuple[str, ...]] = ("observed", "original", "mean", "uncertainty")

    perception: float = field(0.0, ge=0, le=1, step=0.05)
    num_images: int = field(1, ge=1, le=MAX_SAMPLES, advanced=True)
    num_steps: int | None = field(None, ge=1, le=MAX_STEPS, advanced=True)
    reduce: bool = field(False, advanced=True)

    def prepare(self, prior: Prior, **pictures: Any) -> Any:  # noqa: ANN401
        """A `Setup`, or a `PieceSetup` for pieces; arguments and errors as of `start`."""
        raise TypeError(f"{type(self).__name__} prepares nothing")

    def start(self, prior: Prior, **pictures: Any) -> Run:  # noqa: ANN401  pictures
        from .piece_run import PieceRun, PieceSetup
        from .run import RestorationRun

        setup = self.prepare(prior, **pictures)
        kind = PieceRun if isinstance(setup, PieceSetup) else RestorationRun
        return kind(self, prior.info, setup)

    @classmethod
    def suitable_checkpoint(cls, values: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
        """What suits the picture.

        Raises:
            UserError: there is no checkpoint.
        """
        from ..checkpoints.library import list_checkpoints
        from .fit import suitable_checkpoint

        found = suitable_checkpoint(list_checkpoints())
        if found is None:
            raise UserError("checkpoint_missing", "Choose a checkpoint first.", field="checkpoint")
        return found.name
