"""Which files a visitor may name: the page's own uploads and its examples, nothing else.

Gradio hands on the path in a picture's payload as it came unless the payload bears Gradio's mark.
`Page` therefore looks through everything that is sent, whatever component and handler it is for,
before a component sees any of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import gradio as gr
from gradio.utils import get_upload_folder

from ..errors import UserError
from ..texts import DEFAULT_LANGUAGE, known_language
from .errors import sentence

EXAMPLES_FOLDER = Path(__file__).parent / "examples"

# A dictionary with one of these keys says where a file is.
_FILE_KEYS = ("path", "url", "is_stream")
_FILE_MARK = "gradio.FileData"


class Page(gr.Blocks):
    """`gr.Blocks` whose components read uploads and examples alone.

    `Page.speaks` is the component whose value is the visitor's language, None for English.
    """

    speaks: gr.components.Component | None = None

    async def preprocess_data(
        self,
        block_fn: Any,  # noqa: ANN401  Gradio's own types
        inputs: list[Any],
        *more: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> list[Any]:
        """As Gradio's, after everything in `inputs` that names a file has been checked.

        Raises:
            gr.Error: something names another file than an upload or an example.
        """
        roots = {get_upload_folder(), *(str(block.GRADIO_CACHE) for block in block_fn.inputs)}
        try:
            await anyio.to_thread.run_sync(check, inputs, [*roots, EXAMPLES_FOLDER])
        except UserError as error:
            words = sentence(error, self._language(block_fn, inputs))
            raise gr.Error(words, print_exception=False) from error
        return await super().preprocess_data(block_fn, inputs, *more, **options)

    def _language(self, block_fn: Any, inputs: Sequence[Any]) -> str:  # noqa: ANN401
        for block, value in zip(block_fn.inputs, inputs, strict=False):
            if block is self.speaks and isinstance(value, str):
                return known_language(value)
        return DEFAULT_LANGUAGE


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
