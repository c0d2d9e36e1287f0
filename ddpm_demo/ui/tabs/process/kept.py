"""What a visitor has measured on the tab, so that a language switch can say it again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

MAX_SESSIONS = 256


class Kept:
    """Small results by session and name; the oldest sessions go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def put(self, session: str, name: str, value: Any) -> None:  # noqa: ANN401  whatever it is
        with self._lock:
            self._sessions.setdefault(session, {})[name] = value
            self._sessions.move_to_end(session)
            while len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)

    def get(self, session: str, name: str) -> Any:  # noqa: ANN401  what `put` was given, or None
        return self._sessions.get(session, {}).get(name)

    def forget(self, session: str) -> None:
        with self._lock:
            self._sessions.pop(session, None)
