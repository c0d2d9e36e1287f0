"""How far a run has come, within an evaluation of the network too, and the way to stop it.

A run owns a `Progress` and makes it the current one whenever it works (`with progress.active()`);
a denoiser that works in slices reports to the current one after each. So neither samplers nor
tasks know of it, and whoever watches may do so from another thread.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")

_current: ContextVar[Progress | None] = ContextVar("progress", default=None)


class Stopped(Exception):
    """Raised inside a denoiser once its run was told to stop; the run ends there, quietly."""


@dataclass(frozen=True)
class Moment:
    """How far a run was at one moment.

    Args:
        step, num_steps: of the run, as in `Step`; both 0 before the first.
        evaluations: of the network that are complete, each of the whole batch.
        tiles, num_tiles: done and to do in the evaluation that goes on; both 0 between two.
        share: of the whole work, 0 to 1; None when nothing is known of the whole.
        seconds: since the network was first asked; 0 before.
        seconds_left: None when it cannot be told yet.
        is_stopped: whether the run was told to stop.
    """

    step: int = 0
    num_steps: int = 0
    evaluations: int = 0
    tiles: int = 0
    num_tiles: int = 0
    share: float | None = None
    seconds: float = 0.0
    seconds_left: float | None = None
    is_stopped: bool = False


class Progress:
    """Counts what a denoiser has done; every method may be called from any thread.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._lock = clock, threading.Lock()
        self._stop = threading.Event()
        self._started: float | None = None
        self._last: float | None = None
        self._evaluations = self._tiles = self._num_tiles = self._depth = 0
        self._pixels, self._expected = 0, 0
        self._steps: tuple[int, int] | None = None

    def expect(self, pixels: int) -> None:
        """Say how many pixels the network will see in the whole run, tiles and chains counted."""
        with self._lock:
            self._expected = pixels

    @property
    def expected(self) -> int:
        """Pixels that the network will see in the whole run; 0 where nobody knows."""
        return self._expected

    @property
    def seen_pixels(self) -> int:
        """Pixels that it has seen."""
        return self._pixels

    @contextmanager
    def evaluation(self, num_tiles: int) -> Iterator[Callable[[int], None]]:
        """An evaluation in so many tiles; gives what is to be called with the number just done.

        Evaluations within it, of each slice, are a part of it. Raises `Stopped` once the run was
        told to stop, also from within the call that it gives.
        """
        self.check()
        with self._lock:
            outermost = self._depth == 0
            self._depth += 1
            if outermost:
                self._tiles, self._num_tiles = 0, num_tiles
            if self._started is None:
                self._started = self._clock()

        def done(tiles: int) -> None:
            if outermost:
                with self._lock:
                    self._tiles += tiles
            self.check()

        try:
            yield done
            if outermost:
                with self._lock:
                    self._evaluations += 1
        finally:
            with self._lock:
                self._depth -= 1
                if outermost:
                    self._tiles = self._num_tiles = 0

    def seen(self, pixels: int) -> None:
        """The network has seen so many more pixels."""
        with self._lock:
            self._pixels += pixels
            self._last = self._clock()

    def step(self, index: int, num_steps: int) -> None:
        """The run is at step `index` of `num_steps`, see `Step`."""
        with self._lock:
            self._steps = (index, num_steps)

    def stop(self) -> None:
        """Let the run end before its next slice."""
        self._stop.set()

    @property
    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def check(self) -> None:
        """Raise `Stopped` once the run was told to stop."""
        if self._stop.is_set():
            raise Stopped

    def snapshot(self) -> Moment:
        """How far the run is by now."""
        with self._lock:
            now = self._clock()
            seconds = 0.0 if self._started is None else now - self._started
            share, left = self._share(), None
            if share and self._started is not None and self._last is not None:
                # What is done was done at the last report, not now.
                whole = (self._last - self._started) / share
                left = max(0.0, whole - seconds)
            step, num_steps = self._steps or (0, 0)
            return Moment(
                step,
                num_steps,
                self._evaluations,
                self._tiles,
                self._num_tiles,
                share,
                seconds,
                left,
                self._stop.is_set(),
            )

    def _share(self) -> float | None:
        if self._steps is not None and self._steps[0] == self._steps[1]:
            return 1.0
        if self._expected:
            return min(1.0, self._pixels / self._expected)
        if self._steps is None:
            return None
        # The evaluation behind step i is complete when it comes.
        index, num_steps = self._steps
        within = self._tiles / self._num_tiles if self._num_tiles else 0.0
        return min(1.0, (index + 1 + within) / num_steps)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Denoisers asked within this block, in this thread, report here."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def track(self, steps: Iterable[Item]) -> Iterator[Item]:
        """The same stream, active while it works; it ends early once it was stopped."""
        iterator = iter(steps)
        try:
            while True:
                with self.active():
                    try:
                        self.check()
                        item = next(iterator)
                    except (StopIteration, Stopped):
                        return
                yield item
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()


class Silent(Progress):
    """For work that belongs to no run, in any thread: counts nothing and never stops."""

    @contextmanager
    def evaluation(self, num_tiles: int) -> Iterator[Callable[[int], None]]:
        yield lambda tiles: None

    def seen(self, pixels: int) -> None:
        pass


_SILENT = Silent()


def current() -> Progress:
    """The progress of the run that is at work in this thread."""
    return _current.get() or _SILENT


def watch(
    items: Iterable[Item], progress: Progress, every_s: float = 0.25
) -> Iterator[Item | Moment]:
    """The items of a run, worked at in another thread, and a `Moment` at least every `every_s`.

    Closing the iterator stops the run and waits for its slice to end; so does an exception here.

    Args:
        items: a run.
        progress: of that run.
        every_s: seconds without an item after which a `Moment` is given.
    """
    made: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
    # The run goes no further than it is asked to: what one reads of it belongs to the last item.
    asked, is_left = threading.Semaphore(0), threading.Event()

    iterator = iter(items)

    def work() -> None:
        try:
            while True:
                asked.acquire()
                if is_left.is_set():
                    break
                made.put(("item", next(iterator)))
        except StopIteration:
            made.put(("end", None))
        except BaseException as error:  # noqa: BLE001  it is raised again where one watches
            made.put(("error", error))
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=work, name="run", daemon=True)
    thread.start()
    asked.release()
    try:
        while True:
            try:
                kind, value = made.get(timeout=every_s)
            except queue.Empty:
                yield progress.snapshot()
                continue
            if kind == "end":
                return
            if kind == "error":
                raise value  # type: ignore[misc]
            yield value  # type: ignore[misc]
            asked.release()
    finally:
        is_left.set()
        asked.release()
        if thread.is_alive():
            progress.stop()
            thread.join()
