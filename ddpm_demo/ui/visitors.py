"""Who is asking: the owner of the app, or one of its visitors; names and passwords from a file."""

from __future__ import annotations

import asyncio
import hmac
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from ..errors import UserError
from .guard import FROM_HERE

_SECONDS_AFTER_A_MISTAKE = 1.0


@dataclass(frozen=True)
class Visitor:
    """Whoever a handler works for.

    Args:
        key: a random name that only their browser knows; "" for none.
        is_owner: they may see and change everything, with the owner's token.
    """

    key: str = ""
    is_owner: bool = False


def visitor_of(request: gr.Request | None, key: str | None = "") -> Visitor:
    """Who sent a request.

    The owner is who is logged in where that is asked for; else who comes straight from this
    machine, by a loopback address and through no proxy. Nobody is on a Space.
    """
    if os.environ.get("SPACE_ID"):
        return Visitor(key or "")
    scope = getattr(getattr(request, "request", None), "scope", None) or {}
    logged_in = getattr(request, "username", None) is not None
    return Visitor(key or "", is_owner=logged_in or bool(scope.get(FROM_HERE)))


def read_passwords(path: str | Path) -> dict[str, str]:
    """{name: password} of a file with a line `name:password` for each person.

    Empty lines and lines that begin with # are left out. All who are in it are owners.

    Raises:
        UserError: it cannot be read, others may read it, it names nobody, or a line is no such.
    """
    path = Path(path).expanduser()
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise OSError("not a file")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(
            "auth_file_unreadable",
            "The file of names and passwords “{file}” cannot be read.",
            field="auth_file",
            file=path,
        ) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(
            "auth_file_open",
            "Others on this machine may read “{file}”; allow it to yourself alone: chmod 600.",
            field="auth_file",
            file=path,
        )
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not (name.strip() and colon and password):
            raise UserError(
                "auth_file_line",
                "Line {number} of “{file}” is not of the form name:password.",
                field="auth_file",
                file=path,
                number=number,
            )
        found[name.strip()] = password
    if not found:
        raise UserError(
            "auth_file_empty",
            "“{file}” names nobody; give a line name:password for each person.",
            field="auth_file",
            file=path,
        )
    return found


def login(passwords: dict[str, str]) -> Callable[[str, str], Awaitable[bool]]:
    """Checks a name and a password, one mistake a second over all who try."""
    waiting = asyncio.Lock()

    async def check(name: str, password: str) -> bool:
        wanted = passwords.get(name.strip(), "")
        same = hmac.compare_digest(wanted.encode(), password.encode()) and bool(wanted)
        if not same:
            async with waiting:
                await asyncio.sleep(_SECONDS_AFTER_A_MISTAKE)
        return same

    return check
