"""A visitor's runs on many pictures: asked for, followed, cancelled, and what is left of them."""

from __future__ import annotations

import logging
import random
import tempfile
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import UserError
from ..recipes.field import fields_of
from ..recipes.recipe import Recipe
from .many import ManyState, recipe_for, restore_many
from .models import Models

_NEW_SEEDS = 1_000_000
# Of all visitors; the oldest is forgotten, its files go with its visitor.
MAX_KEPT = 256

Phase = Literal["waiting", "running", "done", "cancelled", "failed"]
Key = tuple[str, str]


@dataclass
class ManyRun:
    """One task on many pictures of one visitor.

    Args:
        task, values, paths, mask: as for `many.restore_many`.
        folder: for the results.
        rows: what became of each picture so far, waiting ones too.
        state: how far it is.
    """

    task: type[Recipe]
    values: Mapping[str, Any]
    paths: Sequence[str]
    mask: str | None
    folder: Path
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    phase: Phase = "waiting"
    cancel_asked: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)
    state: ManyState | None = None
    error: Exception | None = None
    seconds: float = 0.0

    @property
    def is_over(self) -> bool:
        return self.phase in ("done", "cancelled", "failed")

    @property
    def archive(self) -> Path | None:
        """The results and the report; None where no picture is done."""
        found = self.state.archive if self.state is not None else None
        return found if any(row["status"] == "done" for row in self.rows) else None

    def count(self, status: str) -> int:
        """How many pictures are so."""
        return sum(row["status"] == status for row in self.rows)


class ManyRuns:
    """The newest run of each visitor and tab.

    Args:
        models: the checkpoints.
        folder_of: (session) -> the folder of that visitor's files.
    """

    def __init__(self, models: Models, folder_of: Callable[[str], Path]):
        self._models, self._folder_of = models, folder_of
        self._lock = threading.Lock()
        self._runs: OrderedDict[Key, ManyRun] = OrderedDict()

    def begin(
        self,
        session: str,
        task: type[Recipe],
        values: Mapping[str, Any],
        paths: Sequence[str] | None,
        mask: str | None = None,
    ) -> ManyRun:
        """A run that waits for its turn, its settings checked; an older one is cancelled.

        Raises:
            UserError: no pictures, a value that cannot be, no such checkpoint.
        """
        if not paths:
            raise UserError("picture_missing", "Give a picture first.", field="many_files")
        values = {name: value for name, value in values.items() if value is not None}
        if "seed" in fields_of(task) and values.get("seed") is None:
            values["seed"] = random.randrange(_NEW_SEEDS)
        recipe_for(self._models, task, values)
        folder = Path(tempfile.mkdtemp(prefix="many-", dir=self._folder_of(session)))
        run = ManyRun(task, values, list(paths), mask, folder)
        with self._lock:
            older = self._runs.pop((session, task.task), None)
            if older is not None:
                older.cancel_asked = True
            self._runs[session, task.task] = run
            while len(self._runs) > MAX_KEPT:
                self._runs.popitem(last=False)
        return run

    def newest(self, session: str, task: str) -> ManyRun | None:
        """The visitor's last run of that task, over or not."""
        return self._runs.get((session, task))

    def cancel(self, session: str, task: str) -> ManyRun | None:
        """Ask it to stop; what is done stays. One that waits does not start."""
        run = self.newest(session, task)
        if run is not None:
            run.cancel_asked = True
            if run.phase == "waiting":
                run.phase = "cancelled"
        return run

    def follow(
        self,
        session: str,
        task: str,
        run_id: str | None,
        language: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> Iterator[ManyRun]:
        """Do the run of that id, if it is still wanted; yields it whenever it has come further.

        Never raises for what it does: `phase` and `error` say how it ended.
        """
        run = self.newest(session, task)
        if run is None or run.id != run_id or run.phase != "waiting":
            return
        run.phase, started = "running", clock()
        try:
            stream = restore_many(
                self._models,
                run.task,
                run.values,
                run.paths,
                run.folder,
                language,
                mask=run.mask,
                is_cancelled=lambda: run.cancel_asked,
            )
            for state in stream:
                run.state, run.seconds = state, clock() - started
                run.rows = state.rows or run.rows
                yield run
            run.phase = "cancelled" if run.count("waiting") else "done"
        except GeneratorExit:  # the visitor has left
            run.phase, run.cancel_asked = "cancelled", True
            raise
        except Exception as error:  # said in one sentence by whoever reads it
            run.phase, run.error = "failed", error
            if not isinstance(error, UserError):
                logging.getLogger(__name__).exception("a run on many pictures failed")
        finally:
            run.seconds = clock() - started
