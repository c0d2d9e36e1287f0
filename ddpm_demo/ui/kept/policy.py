"""Whether anything of a visitor stays when their page closes, and what a browser is called."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

VARIABLE = "DDPM_DEMO_KEEP"
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
# A browser's name: a part that a cookie may say, and one that only its own pages know.
_KEY = re.compile(r"[0-9a-f]{16}[0-9a-f]{32}")
HANDLE_CHARS = 16


def keeps(environment: Mapping[str, str] | None = None) -> bool:
    """Whether what a visitor has made outlives their page.

    DDPM_DEMO_KEEP says so; by default it does, but not on a Space, whose visitors share a machine
    that is none of theirs.
    """
    values = os.environ if environment is None else environment
    wanted = values.get(VARIABLE, "").strip().lower()
    if wanted in (*_YES, *_NO):
        return wanted in _YES
    return not values.get("SPACE_ID")


def is_key(key: object) -> bool:
    """Whether it is a name that a browser of ours would make up: 48 random hexadecimal digits."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def handle_of(key: str) -> str:
    """The part of a browser's name that opens nothing: "that browser is loading the page"."""
    return key[:HANDLE_CHARS]
