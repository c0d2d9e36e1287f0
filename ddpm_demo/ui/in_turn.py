"""One run at a time, for somebody who is still there.

Gradio closes the handler of a visitor who has cancelled or left, at its next `yield`, and lets the
next visitor in at once. A handler that yields often and a run that works in a thread of its own
make that safe: the run is told to stop at its next step (or tile), nobody waits for it on the
server's event loop, and the model is free for the next one only when it has really ended.
"""

from __future__ import annotations

import contextvars
import math
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

from ..core.memory import give_back
from ..core.progress import Progress
from ..errors import UserError
from .line import Line, Place

Item = TypeVar("Item")

EVERY_S = 0.5
_POLL_S = 0.05
LINE = Line()
_at_work: dict[threading.Thread, Turn] = {}
_current: contextvars.ContextVar[Turn | None] = contextvars.ContextVar("turn", default=None)


def in_turn(
    work: Callable[[], Iterator[Item]], every_s: float = EVERY_S, turns: list[Turn] | None = None
) -> Iterator[Item | None]:
    """The items of `work()`, made in another thread once no other run works.

    None comes first, before anything is begun, and then at least every `every_s` seconds while
    there is nothing else, also while another run still works. To close the iterator stops the work
    without waiting for its end.

    Args:
        work: makes the items; called when it is its turn.
        every_s: seconds.
        turns: is given the turn, which can be asked for its place in the line.

    Raises:
        UserError: too many wait already.
        Exception: whatever the work raises.
    """
    # Gradio knows a handler that it could close only from its first `yield` on.
    yield None
    turn = Turn()
    LINE.join(turn)
    if turns is not None:
        turns.append(turn)
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(_work, work, turn), name="run-in-turn", daemon=True
    )
    _at_work[thread] = turn
    thread.start()
    try:
        while True:
            try:
                kind, value = turn.made.get(timeout=every_s)
            except queue.Empty:
                yield None
                continue
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value
    finally:
        turn.leave()


def last_in_turn(
    work: Callable[[], Iterator[Item]], every_s: float = EVERY_S
) -> Generator[None, None, Item | None]:
    """As `in_turn`, but only its last item, as what `yield from` gives; None if there is none.

    Yields None at most and at least about every `every_s` seconds.
    """
    last, told = None, -math.inf
    stream = in_turn(work, every_s)
    try:
        for item in stream:
            last = item if item is not None else last
            if item is None or time.monotonic() - told >= every_s:
                told = time.monotonic()
                yield None
    finally:
        stream.close()  # type: ignore[attr-defined]
    return last


def updates_in_turn(
    work: Callable[[], Iterator[list[Any]]], waiting: list[Any]
) -> Iterator[list[Any]]:
    """What a handler of the page yields: `waiting` while nothing is new, then what `work` makes.

    For work that is no task's run and has no progress of its own: its network stops within an
    evaluation once whoever asked for it has left.

    Args:
        work: makes the updates of the handler's outputs.
        waiting: updates that change nothing, one an output.
    """
    progress = Progress()

    def begun() -> Iterator[list[Any]]:
        yield from work()

    def watched() -> Iterator[list[Any]]:
        stop_with_caller(progress.stop)
        yield from progress.track(begun())

    stream = in_turn(watched)
    try:
        for updates in stream:
            yield waiting if updates is None else updates
    finally:
        stream.close()  # type: ignore[attr-defined]


def at_once(work: Callable[[], Item], patience_s: float) -> Item:
    """What `work` gives, in this thread, if the model is free or soon will be.

    For work of a moment, which would wait long behind a run.

    Args:
        work: what is done.
        patience_s: seconds to wait for the model.

    Raises:
        UserError: a run has the model.
        Exception: whatever the work raises.
    """
    ticket = object()
    LINE.join(ticket)
    try:
        if not LINE.begin(ticket, patience_s):
            raise UserError(
                "live_busy", "A run is going on; this is drawn as soon as it is over or cancelled."
            )
        return work()
    finally:
        LINE.leave(ticket, counts=False)


def end_all(patience_s: float) -> None:
    """Have all work stop at its next step or tile, and wait so many seconds for it at most: an
    interpreter that ends while torch computes in another thread is aborted by the system."""
    until = time.monotonic() + patience_s
    for turn in list(_at_work.values()):
        turn.leave()
    for thread in list(_at_work):
        if thread.ident is not None:
            thread.join(max(0.0, until - time.monotonic()))


def stop_with_caller(stop: Callable[[], None]) -> None:
    """Have `stop` called when the caller of the work that goes on in this thread has left."""
    turn = _current.get()
    if turn is not None:
        turn.on_leave(stop)


class Turn:
    """What a run and its caller share."""

    def __init__(self) -> None:
        self.made: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=1)
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._stops: list[Callable[[], None]] = []

    @property
    def is_left(self) -> bool:
        return self._left.is_set()

    @property
    def place(self) -> Place:
        """Where it stands in the line."""
        return LINE.place(self)

    def tell(self, seconds_left: float | None) -> None:
        """Say how long the run will go on, for those who wait."""
        LINE.tell(self, seconds_left)

    def leave(self) -> None:
        with self._lock:
            self._left.set()
            stops, self._stops = self._stops, []
        for stop in stops:
            stop()

    def on_leave(self, stop: Callable[[], None]) -> None:
        with self._lock:
            if not self._left.is_set():
                self._stops.append(stop)
                return
        stop()

    def put(self, kind: str, value: object) -> bool:
        """Hand over; False when nobody is there to take it."""
        while not self.is_left:
            try:
                self.made.put((kind, value), timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False


def _work(work: Callable[[], Iterator[Any]], turn: Turn) -> None:
    _current.set(turn)
    while not LINE.begin(turn, _POLL_S):
        if turn.is_left:
            LINE.leave(turn)
            _at_work.pop(threading.current_thread(), None)
            return
    ending: tuple[str, Any] = ("end", None)
    try:
        if not turn.is_left:
            _hand_over(work(), turn)
    except BaseException as error:  # noqa: BLE001  it is raised again at the caller's
        ending = ("error", error)
    finally:
        give_back()
        LINE.leave(turn)
        _at_work.pop(threading.current_thread(), None)
    # Only now: a caller who is slow to take it must not keep the model.
    turn.put(*ending)


def _hand_over(stream: Iterator[Any], turn: Turn) -> None:
    try:
        for item in stream:
            if not turn.put("item", item):
                return
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()
