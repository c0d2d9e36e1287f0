"""`Run`: what every task of the pipeline gives back, a stream of steps that knows its recipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from .. import __version__
from ..checkpoints.library import CheckpointInfo
from ..core.progress import Progress
from ..core.step import Step
from ..pictures.images import to_pil
from .recipe import Recipe


class Run:
    """A run of a task: iterate it for its `Step`s, or ask for `images()`.

    Attributes:
        recipe: complete, defaults filled in.
        info: the checkpoint.
        last: the newest `Step` seen, None before the first. After a cancelled run its x0_hat is
            what there is.
        progress: how far it is, within an evaluation too; to be read from any thread.
    """

    def __init__(self, recipe: Recipe, info: CheckpointInfo, steps: Iterable[Step]):
        self.recipe = recipe
        self.info = info
        self.last: Step | None = None
        self.progress = Progress()
        self._steps = steps

    def __iter__(self) -> Iterator[Step]:
        for step in self.progress.track(self._steps):
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
        return to_pil(self.last.x0_hat) if self.last is not None else []

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
