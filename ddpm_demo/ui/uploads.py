"""Which files a visitor may name: the page's own uploads and its examples, nothing else.

Gradio hands on the path in a picture's payload as it came unless the payload bears Gradio's mark.
`page.Page` therefore looks through everything that is sent, whatever component and handler it is
for, before a component sees any of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError

EXAMPLES_FOLDER = Path(__file__).parent / "examples"

# A dictionary with one of these keys says where a file is.
_FILE_KEYS = ("path", "url", "is_stream")
_FILE_MARK = "gradio.FileData"


def check(payload: Any, roots: Sequence[str | Path]) -> None:  # noqa: ANN401  any JSON
    """Refuse a payload that names a file elsewhere; whether there is one is not given away.

    Args:
        payload: what was sent, as JSON gives it.
        roots: folders; a regular file that lies in one of them, links followed, may be named.

    Raises:
        UserError: a path or an address names anything else.
    """
    for named in _files(payload):
        if not _is_allowed(named.get("path"), roots):
            raise UserError(
                "not_uploaded",
                "Upload the file here first; paths and addresses of other files are not read.",
            )


def _files(payload: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  any JSON
    """Every dictionary in the payload that says where a file is, at any depth."""
    waiting = [payload]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            meta = value.get("meta")
            marked = isinstance(meta, dict) and meta.get("_type") == _FILE_MARK
            if marked or any(key in value for key in _FILE_KEYS):
                yield value
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value


def _is_allowed(path: Any, roots: Sequence[str | Path]) -> bool:  # noqa: ANN401  any JSON
    if not isinstance(path, str) or not path:
        return False
    try:
        real = os.path.realpath(path)
        if not any(_is_below(real, os.path.realpath(root)) for root in roots):
            return False
        # Asked without opening it: a pipe or a device would keep whoever opens it.
        return stat.S_ISREG(os.stat(real).st_mode)
    except (OSError, ValueError):
        return False


def _is_below(real: str, root: str) -> bool:
    return real.startswith(root.rstrip(os.sep) + os.sep)
