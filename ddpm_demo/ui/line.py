"""The line in front of the one model: first come, first served, and all know their place."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import UserError

MAX_WAITING = 32
# Of how many runs the mean is what a run takes whose length nobody knows yet.
NUM_REMEMBERED = 8


@dataclass(frozen=True)
class Place:
    """Where somebody stands.

    Args:
        ahead: how many come before, the one that works counted; 0 for the one that works.
        seconds: how long those take, about; None while nothing is known.
    """

    ahead: int = 0
    seconds: float | None = None


class Line:
    """Whoever waits, in order; tickets are objects of any kind.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: list[object] = []
        self._working: object | None = None
        self._since = 0.0
        self._left: tuple[float, float] | None = None
        self._durations: deque[float] = deque(maxlen=NUM_REMEMBERED)

    def join(self, ticket: object) -> None:
        """Stand at the end.

        Raises:
            UserError: too many stand there.
        """
        with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                raise UserError(
                    "run_queue_full", "Too many runs are waiting here; try again in a minute."
                )
            self._waiting.append(ticket)

    def begin(self, ticket: object, seconds: float) -> bool:
        """Wait at most so long for one's turn; whether it has come."""
        with self._changed:
            come = self._changed.wait_for(lambda: self._is_next(ticket), seconds)
            if come:
                self._waiting.remove(ticket)
                self._working, self._since, self._left = ticket, self._clock(), None
            return come

    def leave(self, ticket: object, counts: bool = True) -> None:
        """Go away: before one's turn, or when the work is done; `counts` says whether its length
        tells something of other runs."""
        with self._changed:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            if self._working is ticket:
                if counts:
                    self._durations.append(self._clock() - self._since)
                self._working = None
            self._changed.notify_all()

    def tell(self, ticket: object, seconds_left: float | None) -> None:
        """The one that works says how long it will go on."""
        with self._changed:
            if self._working is ticket and seconds_left is not None:
                self._left = (seconds_left, self._clock())

    def place(self, ticket: object) -> Place:
        """Where the ticket stands; `Place()` for one that does not wait."""
        with self._changed:
            if ticket not in self._waiting:
                return Place()
            before = self._waiting.index(ticket)
            working = int(self._working is not None)
            if before + working == 0:
                return Place()
            usual = None
            if self._durations:
                usual = sum(self._durations) / len(self._durations)
            first = self._seconds_left(usual) if working else 0.0
            known = first is not None and (usual is not None or before == 0)
            seconds = first + before * (usual or 0.0) if known else None
            return Place(before + working, seconds)

    @property
    def num_waiting(self) -> int:
        """How many wait for the one that works."""
        return len(self._waiting)

    def _is_next(self, ticket: object) -> bool:
        return self._working is None and self._waiting[:1] == [ticket]

    def _seconds_left(self, usual: float | None) -> float | None:
        """How long the one that works goes on."""
        now = self._clock()
        if self._left is not None:
            seconds, told = self._left
            return max(0.0, seconds - (now - told))
        return None if usual is None else max(0.0, usual - (now - self._since))
