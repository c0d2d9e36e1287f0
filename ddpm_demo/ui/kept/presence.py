"""Hears that a browser whose page has just gone is loading it again.

To a server a reload and a closed window look the same; but a reload asks for the page at once. A
cookie says which browser that is, by the part of its name that opens nothing.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from .policy import HANDLE_CHARS

COOKIE = "ddpm_demo_browser"
_HANDLE = re.compile(rf"[0-9a-f]{{{HANDLE_CHARS}}}")

# How long a page takes to be there, on a slow machine.
SECONDS = 30.0
_MOST = 1000

Scope = MutableMapping[str, Any]


class Awaited:
    """The browsers that have asked for the page a moment ago.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._lock = clock, threading.Lock()
        self._since: dict[str, float] = {}

    def add(self, handle: str) -> None:
        """The browser of that handle has asked for the page."""
        with self._lock:
            self._since = {one: t for one, t in self._since.items() if self._is_young(t)}
            if len(self._since) < _MOST:
                self._since[handle] = self._clock()

    def __contains__(self, handle: str) -> bool:
        since = self._since.get(handle)
        return since is not None and self._is_young(since)

    def _is_young(self, since: float) -> bool:
        return self._clock() - since < SECONDS


AWAITED = Awaited()


class Presence:
    """ASGI middleware that tells of each page that is asked for by a known browser.

    Args:
        app: what answers.
        awaited: who is told.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], awaited: Awaited = AWAITED):
        self.app, self.awaited = app, awaited

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:  # noqa: ANN401
        """Hand on."""
        is_page = scope["type"] == "http" and scope["method"] == "GET"
        if is_page and scope["path"].removeprefix(scope.get("root_path", "")) in ("", "/"):
            handle = handle_in(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1"))
            if handle:
                self.awaited.add(handle)
        await self.app(scope, receive, send)


def handle_in(cookies: str) -> str:
    """The browser's handle among the cookies of a request; "" without one."""
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None and _HANDLE.fullmatch(found.value) else ""
