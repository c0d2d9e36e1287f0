"""The endpoints as tools of an MCP server, `app.py --mcp`: Gradio's server with its gaps filled.

Gradio 6.31 describes any JSON value by a type that is none, so that no tool with such a parameter
can be called; knows files in a list neither in the description nor in what was sent; refuses its
own addresses of uploads, which are what its `upload_file_to_gradio` gives; and hands several
outputs, or pictures in a list, on as a line of Python. A tool is run by a client in this very
process, whose requests come from this machine whoever asked: here they say that they were handed
on, so that nobody is taken for the owner.
"""

from __future__ import annotations

import base64
import importlib.util
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gradio.mcp import GradioMCPServer
from gradio.processing_utils import save_base64_to_cache
from gradio.utils import get_upload_folder
from gradio_client import handle_file

from ..errors import UserError
from .uploads import check

_FILE = {"type": "string", "format": "Gradio File Input - a http or https url to a file"}
_ANY = ["array", "object", "string", "number", "boolean", "null"]
_HANDED_ON = "via"
_ADDRESS = "/gradio_api/file="
SHOWN_PICTURES = 4
SHOWN_BYTES = 1_000_000  # of a picture that is put into the answer itself, not its address alone


class ToolServer(GradioMCPServer):
    """Gradio's server of tools for these endpoints."""

    def get_input_schema(
        self, tool_name: str, parameters: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], list[list[str | int]]]:
        """As Gradio's: every type is one, files in a list are files."""
        schema, positions = super().get_input_schema(tool_name, parameters)
        for name, told in schema["properties"].items():
            if told.get("type") == {}:
                told["type"] = _ANY
            if [name, "items"] in positions:
                told.pop("$defs", None)
                told["items"] = _FILE
        return schema, positions

    def convert_strings_to_filedata(
        self,
        value: Any,  # noqa: ANN401  any JSON
        filedata_positions: list[list[str | int]],
    ) -> Any:  # noqa: ANN401
        """Addresses of uploads and `data:` texts as files, alone and in lists.

        Raises:
            UserError: one is an address of something else, or nothing of the kind.
        """
        several = {at[0] for at in filedata_positions if at[1:] == ["items"]}
        single = {at[0] for at in filedata_positions if len(at) == 1}
        files = dict(value)
        for name, sent in value.items():
            if name in several and isinstance(sent, list):
                files[name] = [self._file(one) for one in sent]
            elif name in single and sent is not None:
                files[name] = self._file(sent)
        return files

    def _file(self, sent: Any) -> Any:  # noqa: ANN401  any JSON
        if isinstance(sent, str) and sent.startswith("data:"):
            return handle_file(self._saved(sent))
        at = sent.find(_ADDRESS) if isinstance(sent, str) else -1
        if at < 0:
            raise UserError(
                "not_uploaded",
                "Upload the file here first; paths and addresses of other files are not read.",
            )
        path = unquote(sent[at + len(_ADDRESS) :])
        # The client opens what it is given: nothing but an upload may get that far.
        check({"path": path}, [get_upload_folder()])
        return handle_file(path)

    def _saved(self, sent: str) -> str:
        """The path of a `data:` text's file, among the uploads, which go with the app."""
        from ..pictures.opening import unreadable

        try:
            return save_base64_to_cache(sent, get_upload_folder())
        except ValueError as error:  # no base64, or a type that is none
            raise unreadable() from error

    def _prepare_tool_call_args(
        self, name: str, arguments: dict[str, Any]
    ) -> tuple[str, list[Any], dict[str, str], Any]:
        endpoint, values, headers, block_fn = super()._prepare_tool_call_args(name, arguments)
        return endpoint, values, {**headers, _HANDED_ON: "1.1 mcp"}, block_fn

    async def _execute_tool_without_progress(self, job: Any) -> list[Any]:  # noqa: ANN401
        [answer] = await super()._execute_tool_without_progress(job)
        return list(answer) if isinstance(answer, tuple) else [answer]

    def postprocess_output_data(
        self,
        data: Any,  # noqa: ANN401  a handler's answer
        root_url: str,
    ) -> list[Any]:
        """As Gradio's; of a list of files the addresses, and the first pictures themselves."""
        content = []
        for output in data:
            files = _files(output)
            if files is None:
                content += super().postprocess_output_data([output], root_url)
                continue
            for place, (path, caption) in enumerate(files):
                if place < SHOWN_PICTURES and (picture := self._picture(path)) is not None:
                    content.append(picture)
                said = f"{caption}: " if caption else ""
                address = f"{said}{root_url}{_ADDRESS}{path}"
                content.append(self.types.TextContent(type="text", text=address))
        return content

    def _picture(self, path: str) -> Any:  # noqa: ANN401  mcp's own type, or None
        kind = mimetypes.guess_type(path)[0] or ""
        file = Path(path)
        if kind not in ("image/png", "image/jpeg", "image/webp", "image/gif"):
            return None
        if not file.is_file() or file.stat().st_size > SHOWN_BYTES:
            return None
        data = base64.b64encode(file.read_bytes()).decode()
        return self.types.ImageContent(type="image", data=data, mimeType=kind)


def check_usable(passwords: Mapping[str, str] | None) -> None:
    """Before anything is built.

    Raises:
        UserError: mcp is not installed, or the app asks for a password, which no such client has.
    """
    if importlib.util.find_spec("mcp") is None:
        raise UserError(
            "mcp_missing",
            "Tools for MCP clients need mcp: run “.venv/bin/pip install 'mcp<2'”, or leave out "
            "--mcp.",
        )
    if passwords:
        raise UserError(
            "mcp_login", "An MCP client cannot log in: leave out --mcp or --auth-file."
        )


def fill_gaps(server: GradioMCPServer) -> ToolServer:
    """The server that Gradio has made, as one of these."""
    server.__class__ = ToolServer
    assert isinstance(server, ToolServer)
    return server


def _files(output: Any) -> list[tuple[str, str]] | None:  # noqa: ANN401  a handler's answer
    """(path, caption) of each file of a gallery or a list of files; None of anything else."""
    if not isinstance(output, list) or not output:
        return None
    found = []
    for one in output:
        file = one.get("image", one) if isinstance(one, dict) else None
        if not isinstance(file, dict) or not isinstance(file.get("path"), str):
            return None
        found.append((file["path"], one.get("caption") or ""))
    return found
