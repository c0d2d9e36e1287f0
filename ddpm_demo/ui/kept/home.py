"""What is kept of one visitor: the history of results, and what lies on each tab's stage."""

from __future__ import annotations

import dataclasses
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..sessions import RunRecord
from .files import Files

MAX_RESULTS = 24
MAX_BYTES = 128 * 2**20
MAX_FILE_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Result:
    """A run that has left pictures.

    Args:
        record: the run; its `id` is the result's.
        tab: that it was made on.
        made: when, in seconds since 1970.
    """

    record: RunRecord
    tab: str
    made: float

    @property
    def pictures(self) -> list[Path]:
        """The files that went in."""
        return [value for value in self.record.given.values() if isinstance(value, Path)]


@dataclass(frozen=True)
class Placed:
    """What a visitor has put on a stage.

    Args:
        picture, mask: files; None for no mask.
        name: the visitor's own of the picture.
        put: when, in seconds since 1970.
    """

    picture: Path
    mask: Path | None
    name: str
    put: float


@dataclass
class Home:
    """One visitor's things. Not safe for threads: the keeper sees to that.

    Args:
        sessions: of their pages that are open.
        seen: when one of these was heard of, on a clock that only goes forward.
        results: the oldest first, by their ids.
        placed: by tab.
        running: (tab, run) by the run's id, the newest last.
    """

    sessions: set[str] = field(default_factory=set)
    seen: float = 0.0
    results: OrderedDict[str, Result] = field(default_factory=OrderedDict)
    placed: dict[str, Placed] = field(default_factory=dict)
    running: dict[str, tuple[str, RunRecord]] = field(default_factory=dict)
    files: Files = field(default_factory=Files)

    def copies(self, values: Mapping[str, Any], paths: Mapping[str, str | None]) -> dict[str, Any]:
        """The values with copies of the pictures among them, as paths of ours."""
        kept = {name: self.files.take(path) if path else None for name, path in paths.items()}
        return {**values, **kept}

    def put(self, tab: str, picture: Path, mask: Path | None, name: str) -> None:
        """Remember what lies on a stage; what cannot be copied is forgotten."""
        copy = self.files.take(picture)
        copied = self.files.take(mask) if mask is not None else None
        old = self.placed.pop(tab, None)
        if copy is not None:
            same = old is not None and (old.picture, old.mask) == (copy, copied)
            put = old.put if old is not None and same else time.time()
            self.placed[tab] = Placed(copy, copied, name or copy.name, put)
        self.tidy()

    def begin(self, record: RunRecord, tab: str) -> None:
        """A run goes on; what it was given lies on the stage."""
        self.running[record.id] = (tab, record)
        picture, mask = record.given.get("image"), record.given.get("painted")
        if isinstance(picture, Path):
            self.put(tab, picture, mask if isinstance(mask, Path) else None, picture.name)

    def add(self, record: RunRecord, tab: str) -> None:
        """Remember a result."""
        given = record.given.get("image")
        if isinstance(given, Path) and given.is_file() and record.job.source:
            # Downloads are written as the upload was, also when the cache has lost it.
            record.job = dataclasses.replace(record.job, source=str(given))
        self.results[record.id] = Result(record, tab, time.time())
        self.tidy()

    def newest(self, tab: str) -> Result | None:
        """The tab's last result."""
        return next((r for r in reversed(self.results.values()) if r.tab == tab), None)

    def run_on(self, tab: str) -> RunRecord | None:
        """The tab's last run that goes on."""
        return next((r for at, r in reversed(self.running.values()) if at == tab), None)

    def delete(self, id: str) -> None:
        """Forget a result."""
        self.results.pop(id, None)
        self.tidy()

    def tidy(self) -> None:
        """Stay within the limits: steps of older results go first, then the oldest results, and
        files that nothing uses."""
        self._prune()
        newest = {self.newest(result.tab) for result in self.results.values()}
        for result in list(self.results.values()):
            if self._is_full and result not in newest:
                result.record.frames = []
        while len(self.results) > MAX_RESULTS or (len(self.results) > 1 and self._is_full):
            self.results.popitem(last=False)
            self._prune()

    def clear(self) -> None:
        """Forget everything, and stop what goes on."""
        for _, record in self.running.values():
            record.cancel_asked = True
        self.results.clear()
        self.placed.clear()
        self.running.clear()
        self.files.remove()

    @property
    def num_bytes(self) -> int:
        """In memory."""
        return sum(result.record.num_bytes for result in self.results.values())

    @property
    def _is_full(self) -> bool:
        return self.num_bytes > MAX_BYTES or self.files.num_bytes > MAX_FILE_BYTES

    def _prune(self) -> None:
        used = [path for result in self.results.values() for path in result.pictures]
        used += [
            path for _, record in self.running.values() for path in Result(record, "", 0).pictures
        ]
        for placed in self.placed.values():
            used += [path for path in (placed.picture, placed.mask) if path is not None]
        self.files.keep_only(used)
