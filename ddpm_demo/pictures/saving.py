"""Results onto the disk: whole or not at all, under a name that costs nothing else its place.

What is heavy is imported when something is written: commands name `Writing` before.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError, check_range

if TYPE_CHECKING:
    from . import encode
    from .photograph import Photograph

# What a result says of the very files that it was made from.
INPUT_HASH = "input_hash"
_HASH_DIGITS = 16
_PARTIAL = re.compile(r"\..+\.(\d+)\.part")


@dataclass(frozen=True)
class Writing:
    """How results are written.

    Args:
        format: such as "jpeg"; None for that of the input.
        quality: 1 to 100; None for what suits the format.
        strip_metadata: without EXIF and XMP.
    """

    format: str | None = None
    quality: int | None = None
    strip_metadata: bool = False

    def check(self) -> None:
        """Before anything runs.

        Raises:
            UserError: no such format or quality.
        """
        from .encode import format_of

        format_of(None, self.format)
        if self.quality is not None:
            check_range("quality", self.quality, 1, 100)


def hash_of(*contents: bytes) -> str:
    """What names the files that went in, in a result's recipe."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:_HASH_DIGITS]


def content_of(
    result: encode.Result,
    photograph: Photograph | None,
    recipe: Mapping[str, Any],
    how: Writing = Writing(),
) -> tuple[bytes, str]:
    """(the file of a result, its ending)."""
    from . import encode

    content = encode.write(
        result,
        photograph,
        recipe,
        format=how.format,
        quality=how.quality,
        strip_metadata=how.strip_metadata,
    )
    return content, encode.format_of(photograph, how.format)[1]


def save_result(
    folder: Path,
    stem: str,
    result: encode.Result,
    photograph: Photograph | None,
    recipe: Mapping[str, Any],
    how: Writing = Writing(),
    inputs: Sequence[Path] = (),
    guard: AbstractContextManager[Any] | None = None,
) -> Path:
    """Write a result in its input's format, depth, colours and with its metadata.

    Args:
        folder: must exist.
        stem: the name without its ending; a number is added rather than losing a file.
        result, photograph, recipe: as for `encode.write`.
        how: it is written.
        inputs: files that went in, which are never written over.
        guard: held while a name is chosen and taken, where other processes write there too.

    Raises:
        UserError: it cannot be written.
    """
    from .names import free_name

    content, ending = content_of(result, photograph, recipe, how)
    with guard or nullcontext():
        path = folder / free_name(folder, stem + ending, recipe, inputs)
        write_whole(path, content)
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whoever is killed meanwhile.

    Raises:
        UserError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder for results, with those that it lies in, where it is not there.

    Raises:
        UserError: it is the name of a file, or cannot be made.
    """
    with writing(folder):
        there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
        if there.exists() and not there.is_dir():
            raise UserError(
                "out_is_file",
                "“{path}” is a file, and results go into a folder: give the name of a folder, "
                "which is made where there is none.",
                field="out",
                path=str(there),
            )
        folder.mkdir(parents=True, exist_ok=True)


def remove_partial(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder."""
    for path in folder.glob(".*.part"):
        found = _PARTIAL.fullmatch(path.name)
        if found and not _is_alive(int(found[1])):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one sentence why `path` cannot be written, a full disk for example."""
    try:
        yield
    except OSError as error:
        raise UserError(
            "write_failed",
            "“{path}” cannot be written: {reason}.",
            field="out",
            path=str(path),
            reason=error.strerror or type(error).__name__,
        ) from error
