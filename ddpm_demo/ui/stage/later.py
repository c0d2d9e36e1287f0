"""Files of large pictures, written while the page already shows a smaller one.

Compressing 48 megapixels takes seconds, in which the visitor would wait for a result that is
there. The path is given at once and the file comes later, whole or not at all; until it is there
the page has what fits the screen, and it asks again.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)

# Pixels that wait at most: beyond, whoever brings more writes them himself.
MAX_WAITING_PIXELS = 150_000_000

Make = Callable[[], bytes]


class Later:
    """Writes files in their order, one at a time, in a thread that ends with the program."""

    def __init__(self, max_pixels: int = MAX_WAITING_PIXELS):
        self._max_pixels = max_pixels
        self._waiting: dict[Path, int] = {}
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[tuple[Path, Make]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._idle = threading.Condition(self._lock)

    def write(self, path: Path, pixels: int, make: Make) -> None:
        """Have the file `path`, soon.

        Args:
            path: named after what is in it: one that is there, or on its way, is not written
                again.
            pixels: that `make` holds on to until then.
            make: the file's content.
        """
        if path.exists():
            os.utime(path)  # what is shown again is not old
            return
        with self._lock:
            if path in self._waiting:
                return
            is_room = sum(self._waiting.values()) + pixels <= self._max_pixels
            if is_room:
                self._waiting[path] = pixels
                self._jobs.put((path, make))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="later", daemon=True)
                    self._thread.start()
        if not is_room:
            write_whole(path, make())

    def wait(self, seconds: float | None = None) -> bool:
        """Whether all is written, at the latest after so many seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._waiting, seconds)

    def _work(self) -> None:
        while True:
            path, make = self._jobs.get()
            try:
                write_whole(path, make())
            except Exception:  # a full disk: the page stays with what fits the screen
                _log.warning("a picture of the page was not written", exc_info=True)
            finally:
                del make  # and the picture with it, before the next one is waited for
                with self._idle:
                    self._waiting.pop(path, None)
                    self._idle.notify_all()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that nobody ever sees half of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
