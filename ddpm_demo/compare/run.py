"""Making a sheet, cell by cell: what is made stays when it is stopped, and what fails says why."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.progress import Moment, Progress
from ..errors import UserError
from ..version import __version__
from .cell import Cell
from .sheet import Place, Sheet

if TYPE_CHECKING:
    from PIL import Image

    from ..core.step import Step
    from ..pipeline import DDPM

# The longer side of a cell's picture; a larger one is reduced. The files of a single run are not.
MAX_CELL_PX = 1024


class SheetProgress(Progress):
    """Counts cells as steps, and the steps of the cell at work as tiles."""

    def __init__(self, num_cells: int, clock: Callable[[], float] = time.monotonic):
        super().__init__(clock)
        self.step(0, num_cells)
        self._num_cells, self._done = num_cells, 0
        self._cell: Progress | None = None
        self._begun: float | None = None

    def begin(self, cell: Progress) -> None:
        """A cell is at work now; it is stopped with the sheet."""
        self._begun = self._clock() if self._begun is None else self._begun
        self._cell = cell
        if self.is_stopped:
            cell.stop()

    def end(self) -> None:
        """That cell is over with."""
        self._cell = None
        self._done += 1
        self.step(self._done, self._num_cells)

    def stop(self) -> None:
        super().stop()
        cell = self._cell
        if cell is not None:
            cell.stop()

    def snapshot(self) -> Moment:
        """How far the sheet is by now."""
        cell, done = self._cell, self._done
        moment = cell.snapshot() if cell is not None else Moment()
        share = (done + (moment.share or 0.0)) / self._num_cells
        seconds = 0.0 if self._begun is None else self._clock() - self._begun
        left = seconds / share - seconds if share and done else None  # one cell says too little
        return dataclasses.replace(
            moment,
            step=done,
            num_steps=self._num_cells,
            tiles=moment.step,
            num_tiles=moment.num_steps,
            share=share,
            seconds=seconds,
            seconds_left=left,
            is_stopped=self.is_stopped,
        )


class SheetRun:
    """A sheet in the making: iterate it for its `Cell`s.

    Args:
        sheet: what is compared.
        inputs: PIL pictures by the names of the task's `inputs`.
        load: gives the checkpoint of a name; None for `DDPM.from_pretrained`.
        on_step: called with each step of a cell; what it raises fails the cell.

    Attributes:
        cells: those that are over with, by their places.
        progress: how far it is; to be read from any thread.

    Raises:
        UserError: while it is iterated, once no cell of the sheet could be made.
    """

    def __init__(
        self,
        sheet: Sheet,
        inputs: Mapping[str, Any] | None = None,
        load: Callable[[str], DDPM] | None = None,
        on_step: Callable[[Step], None] | None = None,
    ):
        self.sheet = sheet
        self.cells: dict[Place, Cell] = {}
        self.progress = SheetProgress(sheet.num_cells)
        self._inputs, self._load, self._on_step = dict(inputs or {}), load, on_step
        self._warm: set[str] = set()
        self._weight_hash = ""

    def __iter__(self) -> Iterator[Cell]:
        for place, recipe in self.sheet.recipes.items():
            if place in self.cells:
                continue
            if self.progress.is_stopped:
                return
            try:
                cell = self._make(place, recipe)
            except UserError as error:
                cell = Cell(place, error=error)
            if cell is None:
                return
            self.progress.end()
            self.cells[place] = cell
            yield cell
        errors = [cell.error for cell in self.cells.values()]
        if errors and errors[0] is not None and all(errors):
            raise errors[0]

    def stop(self) -> None:
        """End it within the cell at work, of which nothing stays; from any thread."""
        self.progress.stop()

    def picture(self, language: str = "en") -> Image.Image:
        """The sheet as far as it is made."""
        from .drawing import draw

        return draw(self.sheet, self.cells, language)

    def metadata(self) -> dict[str, Any]:
        """What the sheet's file says: the recipe, which makes the same sheet again."""
        told = {**self.sheet.to_dict(), "version": __version__}
        if Path(told["checkpoint"]).is_dir():
            # As of any picture: it names the checkpoint, not where it lies on this machine.
            told["checkpoint"] = Path(told["checkpoint"]).name
        if self._weight_hash and "checkpoint" not in {a.field for a in self.sheet.axes.values()}:
            told["weight_hash"] = self._weight_hash
        return json.loads(json.dumps(told))

    def _make(self, place: Place, recipe: Any) -> Cell | None:  # noqa: ANN401  a Recipe
        """A cell; None where it was stopped within it."""
        ddpm = self._loaded(recipe.checkpoint)
        started = time.perf_counter()
        run = ddpm.run(recipe, **self._inputs)
        self.progress.begin(run.progress)
        for step in run:
            if self._on_step is not None:
                self._on_step(step)
        if self.progress.is_stopped or run.last is None:
            return None
        images = run.pictures(run.last)
        seconds = time.perf_counter() - started
        return Cell(
            place,
            _side_by_side(images),
            seconds,
            run.last.num_evaluations,
            run.facts().get("metrics", {}),
        )

    def _loaded(self, name: str) -> DDPM:
        """The checkpoint, after a first forward pass: its time is no cell's."""
        from ..restoration.effort import seconds

        if self._load is None:
            from ..pipeline import DDPM

            self._load = DDPM.from_pretrained
        ddpm = self._load(name)
        if name not in self._warm:
            self._warm.add(name)
            self._weight_hash = ddpm.info.weight_hash
            seconds(ddpm.denoiser, 1)
        return ddpm


def _side_by_side(images: list[Image.Image]) -> Image.Image:
    from PIL import Image

    from ..pictures.images import make_grid

    picture = images[0] if len(images) == 1 else make_grid(images)
    if max(picture.size) > MAX_CELL_PX:
        picture = picture.copy()
        picture.thumbnail((MAX_CELL_PX, MAX_CELL_PX), Image.Resampling.LANCZOS)
    return picture
