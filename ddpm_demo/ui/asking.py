"""Who is asking at the moment, for what lies far below the handler that was asked."""

from __future__ import annotations

import contextvars
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .visitors import Visitor, visitor_of

MAX_SESSIONS = 10_000
_asking: contextvars.ContextVar[tuple[str, bool]] = contextvars.ContextVar(
    "asking", default=("", False)
)
_lock = threading.Lock()
_keys: OrderedDict[str, str] = OrderedDict()


@contextmanager
def asked_by(request: Any) -> Iterator[None]:  # noqa: ANN401  gr.Request, or None
    """What is done within is done for whoever sent the request, in other threads too."""
    session = getattr(request, "session_hash", None) or ""
    token = _asking.set((session, visitor_of(request).is_owner))
    try:
        yield
    finally:
        _asking.reset(token)


def remember(session: str, who: Visitor) -> None:
    """A session has shown a visitor's key: what is theirs is there for it from now on."""
    with _lock:
        if not session or not who.key:
            return
        _keys.pop(session, None)
        _keys[session] = who.key
        while len(_keys) > MAX_SESSIONS:
            _keys.popitem(last=False)


def forget(session: str) -> None:
    """The page was closed."""
    with _lock:
        _keys.pop(session, None)


def asking() -> Visitor:
    """Whoever is asking; somebody without a key where nothing is known."""
    session, is_owner = _asking.get()
    return Visitor(_keys.get(session, ""), is_owner=is_owner)
