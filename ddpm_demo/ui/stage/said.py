"""What a stage tells the server, read with suspicion: anybody can send anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from ...errors import UserError
from ..uploads import EXAMPLES_FOLDER, check

_MOST = 1_000_000


@dataclass(frozen=True)
class Said:
    """What the visitor has put on a stage and chosen there.

    Args:
        upload: the picture's file; None without one.
        upload_name: as the visitor's file is called, without folders.
        mask: PNG of the picture's size, white where it is to be filled; None where nothing is.
        filled: share of the picture under the mask, in [0, 1], as the page counted it.
        sample: index of the sample on the stage, from 0.
        step: index of the step on the stage, from 0; None for the result.
        layer: name of the layer on the stage; "" for the picture itself.
        turn: which of the stage's uploads it is, from 1; 0 where that is not told.
    """

    upload: Path | None = None
    upload_name: str = ""
    mask: Path | None = None
    filled: float = 0.0
    sample: int = 0
    step: int | None = None
    layer: str = ""
    turn: int = 0


def read_said(payload: Any, more_folders: Sequence[str | Path] = ()) -> Said:  # noqa: ANN401
    """The value of `Stage.said` as a handler gets it.

    Args:
        payload: any JSON; what makes no sense counts as not said.
        more_folders: where else than among uploads and examples a named file may lie.

    Raises:
        UserError: it names a file that is no upload and no example.
    """
    if not isinstance(payload, dict):
        return Said()
    roots = [get_upload_folder(), EXAMPLES_FOLDER, *more_folders]
    upload, mask = payload.get("upload"), payload.get("mask")
    return Said(
        upload=_file(upload, roots),
        upload_name=_name(upload),
        mask=_file(mask, roots),
        filled=_share(mask),
        sample=_index(payload.get("sample")) or 0,
        step=_index(payload.get("step")),
        layer=_text(payload.get("layer")),
        turn=(_index(upload.get("turn")) or 0) if isinstance(upload, dict) else 0,
    )


def _file(value: Any, roots: Sequence[str | Path]) -> Path | None:  # noqa: ANN401  any JSON
    if not isinstance(value, dict) or not value.get("path"):
        return None
    if not isinstance(value["path"], str):
        raise UserError(
            "not_uploaded",
            "Upload the file here first; paths and addresses of other files are not read.",
        )
    check({"path": value["path"]}, roots)
    return Path(value["path"]).resolve()


def _name(value: Any) -> str:  # noqa: ANN401  any JSON
    name = _text(value.get("name")) if isinstance(value, dict) else ""
    return name.replace("\\", "/").rsplit("/", 1)[-1][:200]


def _text(value: Any) -> str:  # noqa: ANN401  any JSON
    return value[:500] if isinstance(value, str) else ""


def _index(value: Any) -> int | None:  # noqa: ANN401  any JSON
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST
    return value if good else None


def _share(value: Any) -> float:  # noqa: ANN401  any JSON
    share = value.get("filled") if isinstance(value, dict) else None
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        return 0.0
    return float(share)
