"""A run that goes on by itself, whoever looks at it, as long as somebody wants it."""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .runner import Report
from .sessions import RunRecord

# A page that is slow to show what comes sees the newest of it.
MAX_UNSEEN = 4

Reports = Callable[[], Iterator[Report]]
Wanted = Callable[[float], bool]


class Drive:
    """Takes the reports of a run in a thread of its own and hands them to all who watch.

    Args:
        record: the run's.
        reports: makes the reports; they come at least every half second.
        wanted: (seconds that nobody has watched) -> whether the run shall go on all the same.
        ended: called at the end, before the watchers hear of it.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        record: RunRecord,
        reports: Reports,
        wanted: Wanted = lambda alone: False,
        ended: Callable[[RunRecord], None] = lambda record: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.record = record
        self._wanted, self._on_end, self._clock = wanted, ended, clock
        self._changed = threading.Condition()
        self._watching: list[deque[Report]] = []
        self._newest: Report | None = None
        self._alone_since = clock()
        self.is_over = False
        # Who asks, and Gradio's own request, go with the work.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._work, reports), name="drive", daemon=True
        )

    @contextmanager
    def watch(self) -> Iterator[deque[Report]]:
        """What comes from now on, and the newest that has come before; to be taken from the left.

        As long as this is open the run is wanted. The first look begins it.
        """
        unseen: deque[Report] = deque(maxlen=MAX_UNSEEN)
        with self._changed:
            if self._newest is not None:
                unseen.append(self._newest)
            self._watching.append(unseen)
            if self._thread.ident is None:
                self._thread.start()
        try:
            yield unseen
        finally:
            with self._changed:
                # By what it is: two that are empty are equal.
                self._watching = [one for one in self._watching if one is not unseen]
                self._alone_since = self._clock()

    def take(self, unseen: deque[Report], seconds: float) -> Report | None:
        """The next of what `watch` gave; None at the end, or when nothing came for so long."""
        with self._changed:
            self._changed.wait_for(lambda: bool(unseen) or self.is_over, seconds)
            return unseen.popleft() if unseen else None

    def _work(self, reports: Reports) -> None:
        stream = reports()
        try:
            for report in stream:
                with self._changed:
                    self._newest = report
                    for unseen in self._watching:
                        unseen.append(report)
                    alone = 0.0 if self._watching else self._clock() - self._alone_since
                    self._changed.notify_all()
                if alone > 0 and not self._wanted(alone):
                    break
        finally:
            # Also what is left of a run that nobody wanted is a result.
            stream.close()  # type: ignore[attr-defined]
            self._on_end(self.record)
            with self._changed:
                self.is_over = True
                self._changed.notify_all()
