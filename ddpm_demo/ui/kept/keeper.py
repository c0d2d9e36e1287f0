"""Keeps what visitors have made, by browser; nobody gets at what is another's.

A browser is known by a random name that only its own pages know and that is never shown. Where
nothing is kept, a visitor is known by the session of the page alone, and all goes with it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..sessions import RunRecord
from . import policy
from .home import Home, Placed, Result
from .policy import handle_of, is_key
from .presence import AWAITED, Awaited

MAX_HOMES = 500
MAX_TOTAL_BYTES = 384 * 2**20
MAX_AGE_SECONDS = 24 * 3600
# How long a run goes on for a page that has gone: while nobody waits; while others do and the page
# is being loaded again; while others do.
ALONE_SECONDS = 60.0
RELOADING_SECONDS = 30.0
IN_THE_WAY_SECONDS = 2.0


class Keeper:
    """The visitors' homes by the name of their browser.

    Args:
        keeps: whether a visitor's things outlive the page; None for what `policy.keeps` says.
        clock: seconds that only go forward.
        awaited: the browsers that load the page.
    """

    def __init__(
        self,
        keeps: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
        awaited: Awaited = AWAITED,
    ):
        self.keeps = policy.keeps() if keeps is None else keeps
        self._awaited = awaited
        self._clock = clock
        self._lock = threading.RLock()
        self._homes: OrderedDict[str, Home] = OrderedDict()
        self._names: dict[str, str] = {}

    # Who is there.

    def meet(self, session: str, key: object) -> bool:
        """A page has been opened; whether what its browser has made will be kept."""
        with self._lock:
            known = self.keeps and is_key(key)
            if known:
                self._names[session] = str(key)
            self._home(self.name_of(session)).sessions.add(session)
            self._tidy()
            return known

    def leave(self, session: str) -> None:
        """A page was closed, or is being loaded again."""
        with self._lock:
            name = self.name_of(session)
            self._names.pop(session, None)
            home = self._homes.get(name)
            if home is None:
                return
            home.sessions.discard(session)
            home.seen = self._clock()
            if not self._outlives(name):
                home.clear()
                del self._homes[name]

    def is_wanted(self, name: str, alone: float, others_wait: bool) -> bool:
        """Whether a run goes on that nobody has watched for a while.

        Args:
            name: `name_of` the session that it was begun in.
            alone: seconds that nobody has watched.
            others_wait: for the model.
        """
        with self._lock:
            home = self._homes.get(name)
            if home is None or not self._outlives(name):
                return False
            if home.sessions:
                return True
            if not others_wait:
                return alone < ALONE_SECONDS
            is_reloading = handle_of(name) in self._awaited
            return alone < (RELOADING_SECONDS if is_reloading else IN_THE_WAY_SECONDS)

    def name_of(self, session: str) -> str:
        """Whose session it is; a name that must not be shown."""
        with self._lock:
            return self._names.get(session, f"session {session}")

    # What they have made.

    def begin(self, session: str, tab: str, record: RunRecord) -> str:
        """A run has begun; `name_of` its visitor."""
        with self._lock:
            name = self.name_of(session)
            self._home(name).begin(record, tab)
            return name

    def end(self, name: str, tab: str, record: RunRecord) -> None:
        """A run is over; what it left is a result, unless its visitor is gone or wants no more."""
        with self._lock:
            home = self._homes.get(name)
            if home is None or home.running.pop(record.id, None) is None:
                return
            if record.images and record.phase in ("done", "cancelled"):
                home.add(record, tab)
            self._tidy()

    def add(self, session: str, tab: str, record: RunRecord) -> None:
        """Remember a result that was no run."""
        with self._lock:
            self._home(self.name_of(session)).add(record, tab)
            self._tidy()

    def copies(
        self, session: str, values: Mapping[str, Any], paths: Mapping[str, str | None]
    ) -> dict[str, Any]:
        """The values of a run's controls, with copies of its pictures.

        Args:
            session: the visitor's.
            values: by field; those of pictures are left aside.
            paths: of the pictures by field, all of them checked.
        """
        with self._lock:
            return self._home(self.name_of(session)).copies(values, paths)

    def put(
        self, session: str, tab: str, picture: Path | None, mask: Path | None, name: str
    ) -> None:
        """Remember what lies on the tab's stage, None for nothing."""
        with self._lock:
            home = self._home(self.name_of(session))
            if picture is None:
                home.placed.pop(tab, None)
                home.tidy()
            else:
                home.put(tab, picture, mask, name)

    def results(self, session: str) -> list[Result]:
        """All that is kept of the visitor, the newest first."""
        with self._lock:
            home = self._homes.get(self.name_of(session))
            return list(reversed(home.results.values())) if home is not None else []

    def result(self, session: str, id: object) -> Result | None:
        """The visitor's own result of that id."""
        return next((r for r in self.results(session) if r.record.id == id), None)

    def on_tab(self, session: str, tab: str) -> tuple[Placed | None, RunRecord | None]:
        """(what lies on the stage, the run that goes on or the newest result) of a tab; what was
        put there after the result stands alone."""
        with self._lock:
            home = self._homes.get(self.name_of(session))
            if home is None:
                return None, None
            placed, newest = home.placed.get(tab), home.newest(tab)
            running = home.run_on(tab)
            if running is not None or newest is None:
                return placed, running
            is_newer = placed is not None and placed.put > newest.made
            return placed, None if is_newer else newest.record

    def tabs(self, session: str) -> list[str]:
        """The tabs on which something is to be shown again."""
        with self._lock:
            home = self._homes.get(self.name_of(session))
            if home is None:
                return []
            made = {result.tab for result in home.results.values()}
            return sorted(made | home.placed.keys() | {tab for tab, _ in home.running.values()})

    def delete(self, session: str, id: object) -> None:
        """Forget a result of the visitor's own."""
        with self._lock:
            home = self._homes.get(self.name_of(session))
            if home is not None and isinstance(id, str):
                home.delete(id)

    def clear(self, session: str) -> None:
        """Forget all of the visitor, and stop their runs."""
        with self._lock:
            home = self._homes.get(self.name_of(session))
            if home is not None:
                home.clear()

    def _outlives(self, name: str) -> bool:
        """Whether what is there under that name stays when all its pages are closed."""
        return self.keeps and is_key(name)

    def _home(self, name: str) -> Home:
        home = self._homes.setdefault(name, Home())
        home.seen = self._clock()
        self._homes.move_to_end(name)
        return home

    def _tidy(self) -> None:
        """The homes of those who were away longest go first; never that of an open page."""
        now = self._clock()
        for name, home in list(self._homes.items()):
            if home.sessions:
                continue
            is_old = now - home.seen > MAX_AGE_SECONDS
            if is_old or len(self._homes) > MAX_HOMES or self._num_bytes() > MAX_TOTAL_BYTES:
                home.clear()
                del self._homes[name]

    def _num_bytes(self) -> int:
        return sum(home.num_bytes + home.files.num_bytes for home in self._homes.values())
