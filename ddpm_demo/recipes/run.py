"""`Run`: what every task gives back, a stream of steps that knows its recipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..core.progress import Progress
from ..version import __version__

if TYPE_CHECKING:
    from PIL import Image

    from ..checkpoints.library import CheckpointInfo
    from ..core.step import Step
    from ..errors import UserError

# What the recipe of a sheet has besides that of its task (`compare.sheet`).
AXES = "axes"
# What a file says of a run besides the recipe.
FACTS_IN_FILES = frozenset(
    {
        AXES,
        "image_index",
        "input_hash",
        "metrics",
        "reconstruction_mse",
        "stopped_at_step",
        "task",
        "version",
        "weight_hash",
    }
)


class Asked(Protocol):
    """What was asked for, as `recipe.Recipe` says it; a run needs no more of it."""

    checkpoint: str

    def to_dict(self) -> dict[str, Any]: ...


class Run:
    """A run of a task: iterate it for its `Step`s, or ask for `images()`.

    Attributes:
        recipe: complete, defaults filled in.
        info: the checkpoint.
        first, last: the first and the newest `Step` seen, None before the first. After a cancelled
            run the x0_hat of `last` is what there is.
        progress: how far it is, within an evaluation too; to be read from any thread.
        warnings: what the user should know before it begins.
    """

    def __init__(self, recipe: Asked, info: CheckpointInfo, steps: Iterable[Step]):
        self.recipe: Any = recipe
        self.info = info
        self.first: Step | None = None
        self.last: Step | None = None
        self.progress = Progress()
        self.warnings: list[UserError] = []
        self._steps = steps

    def __iter__(self) -> Iterator[Step]:
        for step in self.progress.track(self._steps):
            self.first = self.first or step
            self.last = step
            self.progress.step(step.index, step.num_steps)
            yield step

    def stop(self) -> None:
        """End the run before the next tiles that its network would see; from any thread."""
        self.progress.stop()

    def images(self) -> list[Image.Image]:
        """The pictures, after running whatever is left of the run."""
        for _ in self:
            pass
        return self.pictures(self.last)

    def pictures(self, step: Step | None) -> list[Image.Image]:
        """The pictures of any step, such as `last` of a run that was cancelled."""
        from ..pictures.images import to_pil

        return to_pil(step.x0_hat) if step is not None else []

    def beside(self) -> dict[str, Image.Image]:
        """What there is besides the pictures so far, by name."""
        return {}

    def captions(self) -> dict[str, Any]:
        """Numbers that the captions of the pictures beside have."""
        return {}

    def facts(self) -> dict[str, Any]:
        """Numbers about the run as JSON values, for a report."""
        return {}

    def notes(self) -> list[UserError]:
        """What the user should know though it is no error."""
        return []

    def frame(self, step: Step) -> Image.Image:
        """x_t of a step, all pictures in one."""
        from ..pictures.images import make_grid, to_pil

        return make_grid(to_pil(step.x_t))

    def animation(self, frames: Sequence[Image.Image]) -> list[Image.Image]:
        """The pictures of an animation, given each `frame` on the way."""
        return list(frames)

    def metadata(self, index: int = 0) -> dict[str, Any]:
        """What picture `index` carries in its file: the recipe and what it was made with."""
        recipe = self.recipe.to_dict()
        if self.info.source == "local":
            # A picture is passed on: it names the checkpoint, not where it lies on this machine.
            recipe["checkpoint"] = Path(recipe["checkpoint"]).name
        return {
            **recipe,
            "image_index": index,
            "weight_hash": self.info.weight_hash,
            "version": __version__,
        }
