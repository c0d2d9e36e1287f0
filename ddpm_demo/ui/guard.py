"""What is looked at before a request reaches Gradio: the name it came under, and from where.

A page elsewhere can make a browser send requests to an app on the same machine under a name of its
own (DNS rebinding), or straight to it from its forms. So only the names that the app is served
under are answered, and what changes something must come from a page of the app itself.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Set in a request's scope: it came straight from this machine, and not through a proxy.
FROM_HERE = "ddpm_demo.from_here"
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"x-gradio-server", b"via")
_SPACES = ("https://huggingface.co", "https://*.hf.space")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_ANY_ADDRESS = ("0.0.0.0", "::", "")


@dataclass(frozen=True)
class Served:
    """How the app is reached.

    Args:
        host: address it listens on.
        root_path: path or full address under which a proxy serves it; None without a proxy.
        needs_login: there are names and passwords.
        environment: for whether it is a Space; None for the process's own.
    """

    host: str = "127.0.0.1"
    root_path: str | None = None
    needs_login: bool = False
    environment: Mapping[str, str] | None = None

    @property
    def _values(self) -> Mapping[str, str]:
        return os.environ if self.environment is None else self.environment

    @property
    def on_spaces(self) -> bool:
        return bool(self._values.get("SPACE_ID"))

    @property
    def behind_proxy(self) -> bool:
        """Whether what a proxy says of a request is believed."""
        return bool(self.root_path) or self.on_spaces

    @property
    def only_here(self) -> bool:
        """Whether other machines cannot reach it."""
        return is_loopback(self.host) and not self.behind_proxy

    def knows(self, name: str) -> bool:
        """Whether a request may come under this name: "localhost", "192.168.1.5", "[::1]:80"."""
        name = _plain(name)
        if is_loopback(name) or name in self._names():
            return True
        if self.on_spaces and (name.endswith(".hf.space") or name == "huggingface.co"):
            return True
        # An address of this machine: no page elsewhere can make its own name one.
        return (self.host in _ANY_ADDRESS or self.on_spaces) and _is_address(name)

    def _names(self) -> set[str]:
        names = {_plain(self.host), _plain(self._values.get("SPACE_HOST", ""))}
        if self.root_path and "//" in self.root_path:
            names.add((urlsplit(self.root_path).hostname or "").lower())
        if self.host in _ANY_ADDRESS:
            machine = socket.gethostname().lower()
            names |= {machine, f"{machine}.local"}
        return names - {""}


class Guard:
    """ASGI middleware: answers what comes under a name of its own, and adds headers.

    Args:
        app: what is guarded.
        served: how it is reached.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], served: Served):
        self.app = app
        self.served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 403, or hand on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        forwarded = any(name.startswith(_FORWARDED) for name, _ in headers)
        if not self._is_welcome(scope, dict(headers)):
            await _refuse(scope, send)
            return
        peer = (scope.get("client") or ("", 0))[0]
        here = is_loopback(peer) and not forwarded and not self.served.behind_proxy
        scope = {**scope, FROM_HERE: here and not self.served.needs_login}
        if not self.served.behind_proxy:
            kept = [(name, value) for name, value in headers if not name.startswith(_FORWARDED)]
            # uvicorn has believed a proxy on this machine already; there is no TLS here.
            scope |= {"headers": kept, "scheme": "ws" if scope["type"] == "websocket" else "http"}

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers()]
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _is_welcome(self, scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
        hosts = [headers.get(b"host", b"")]
        if self.served.behind_proxy and b"x-forwarded-host" in headers:
            hosts.append(headers[b"x-forwarded-host"].split(b",")[0])
        if not all(self.served.knows(host.decode("latin-1")) for host in hosts):
            return False
        # A Space is a public interface for pages elsewhere, too.
        if self.served.on_spaces or scope.get("method", "GET") in _SAFE_METHODS:
            return True
        origin = headers.get(b"origin")
        if origin is None:  # not from a browser's page
            return True
        return self.served.knows(urlsplit(origin.decode("latin-1")).netloc)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        ancestors = " ".join(["'self'", *(_SPACES if self.served.on_spaces else ())])
        return [
            (b"x-content-type-options", b"nosniff"),
            (b"content-security-policy", f"frame-ancestors {ancestors}".encode()),
            (b"referrer-policy", b"same-origin"),
        ]


def is_loopback(name: str) -> bool:
    """Whether a name or an address means this machine and nothing else."""
    name = _plain(name)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    """A host without its port and brackets, in small letters."""
    name = name.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if name.count(":") == 1 else name


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = b"This app is not served under that name, or to pages elsewhere."
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
