"""Pictures at once: no queue, no steps, and never silently behind somebody's run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from ...errors import UserError
from ...recipes.run import Run
from ...samplers.table import few_steps_of
from ...tasks.generate import GenerateRecipe
from ..in_turn import at_once
from ..models import Models
from ..spaces_gpu import gpu
from ..work_limit import check_work

if TYPE_CHECKING:
    from PIL import Image

    from ...checkpoints.library import CheckpointInfo
    from ...recipes.prior import Prior

# Long enough for another visitor's picture, short enough to be no wait.
PATIENCE_S = 0.4


@dataclass(frozen=True)
class Drawn:
    """A picture, and what its file says of it."""

    image: Image.Image
    metadata: Mapping[str, Any]


class SheetRecipe(GenerateRecipe):
    """The first recipe of pictures that each have their own; files are named after each."""

    _names: tuple[str, ...] = PrivateAttr(())

    @classmethod
    def of(cls, recipes: Sequence[GenerateRecipe]) -> GenerateRecipe:
        """For one picture its own recipe."""
        if len(recipes) == 1:
            return recipes[0]
        sheet = cls(**recipes[0].model_dump())
        sheet._names = tuple(recipe.picture_name(0) for recipe in recipes)
        return sheet

    def picture_name(self, index: int) -> str:
        return f"{index + 1:02d}-{self._names[index]}"


def fast_info(models: Models, name: str) -> CheckpointInfo:
    """The checkpoint of that name, if it is for a few evaluations.

    Raises:
        UserError: it is not ("live_needs_fast" where another one is), or there is none.
    """
    info = models.info(name)
    if few_steps_of(info):
        return info
    if fast_of(models, name) is None:
        raise UserError(
            "live_needs_fast_none",
            "Live needs a checkpoint made for 1 to 8 steps, and there is none here; the "
            "chosen one takes {steps}.",
            field="checkpoint",
            steps=info.default_num_steps,
        )
    raise UserError(
        "live_needs_fast",
        "Live needs a checkpoint made for 1 to 8 steps; the chosen one takes {steps}.",
        field="checkpoint",
        steps=info.default_num_steps,
    )


def fast_of(models: Models, name: str) -> CheckpointInfo | None:
    """The checkpoint that live is offered with to who chose that one, None where there is none:
    one for pictures of the same kind, else any."""
    fast = [info for info in models.infos() if few_steps_of(info)]
    chosen = models.info(name)
    kind = (chosen.size_px, chosen.channels)
    alike = [one for one in fast if (one.size_px, one.channels) == kind]
    return next(iter([*alike, *fast]), None)


def draw(
    models: Models,
    recipes: Sequence[GenerateRecipe],
    drawn: Mapping[GenerateRecipe, Drawn],
    patience_s: float = PATIENCE_S,
) -> list[Drawn]:
    """The recipes' pictures; those that are in `drawn` are taken from there.

    Args:
        models: the checkpoints.
        recipes: that differ in seed and mix alone.
        drawn: what is there already.
        patience_s: how long to wait for the model, in seconds.

    Raises:
        UserError: "live_busy" while a run has the model; whatever the recipes or the checkpoint
            are refused for.
    """
    missing = [recipe for recipe in dict.fromkeys(recipes) if recipe not in drawn]
    found = dict(drawn)
    if missing:
        new = at_once(lambda: sheet(models, missing), patience_s)
        found.update(zip(missing, new, strict=True))
    return [found[recipe] for recipe in recipes]


@gpu
def sheet(models: Models, recipes: Sequence[GenerateRecipe]) -> list[Drawn]:
    """The recipes' pictures, made together."""
    ddpm = models.load(recipes[0].checkpoint)
    run = SheetRun(ddpm.in_precision(recipes[0].precision), recipes)
    for step in run:
        check_work(step)
    return [
        Drawn(image, run.metadata(index)) for index, image in enumerate(run.pictures(run.last))
    ]


class SheetRun(Run):
    """One run for several recipes that differ in seed, mix and variation alone, a picture each.

    Picture i is that of `recipes[i]` to what rounding in a larger batch leaves, and its file's
    recipe is that one.
    """

    def __init__(self, prior: Prior, recipes: Sequence[GenerateRecipe]):
        from ...core.precision import name_of
        from ...samplers.from_noise import from_noise

        precision = name_of(prior.denoiser.precision)
        self._done = [one.complete(prior.info).replace(precision=precision) for one in recipes]
        parts = [one.parts(0) for one in self._done]
        super().__init__(self._done[0], prior.info, from_noise(prior, self._done[0], parts))

    def metadata(self, index: int = 0) -> dict[str, Any]:
        return Run(self._done[index], self.info, ()).metadata()
