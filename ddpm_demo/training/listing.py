"""The files of a data set: which are pictures, which are left out and why, and what is in them."""

from __future__ import annotations

import hashlib
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif"),
    *(".avif", ".ppm", ".pgm", ".pbm", ".pnm"),
)
MAX_FILE_BYTES = 256 * 2**20
HIDDEN, UNKNOWN_KIND = "hidden", "not a picture by its name"
_CHUNK = 2**20

# What reading a member of an archive ends in when it is damaged or locked: bzip2 says OSError, a
# locked one RuntimeError, an unknown method NotImplementedError, a dictionary beyond all reason
# MemoryError.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    MemoryError,
)

Reader = Callable[[], bytes]


@dataclass(frozen=True)
class Listing:
    """What a folder or an archive holds.

    Args:
        files: (name, size in bytes, reader) of the pictures, in a fixed order.
        left_out: (name, reason) of everything else; a hidden folder once, ending in "/".
        content: a hash of the names and the bytes of the pictures.
    """

    files: list[tuple[str, int, Reader]]
    left_out: list[tuple[str, str]]
    content: str


def is_hidden(name: str) -> bool:
    """Whether a relative name is in the private part of some program: ".git/a", "__MACOSX/b"."""
    return _hidden_part(name) is not None


def folder_files(folder: Path) -> Listing:
    """The regular files below a folder.

    Raises:
        OSError: the folder cannot be read.
    """
    files: list[tuple[str, int, Reader]] = []
    left_out: dict[str, str] = {}
    digest = hashlib.blake2b()
    for root, folders, names in os.walk(folder):
        here = Path(root).relative_to(folder)
        for inner in [inner for inner in folders if is_hidden(inner)]:
            folders.remove(inner)
            left_out[f"{(here / inner).as_posix()}/"] = HIDDEN
        for one in names:
            path, name = Path(root) / one, (here / one).as_posix()
            reason = _reason(name)
            if reason is None and path.is_file():
                files.append((name, path.stat().st_size, path.read_bytes))
            else:
                left_out[name] = reason or "not a file"
    files.sort(key=lambda file: PurePosixPath(file[0]).parts)
    for name, size, _ in files:
        _add(digest, name, size, folder / name)
    return Listing(files, sorted(left_out.items()), digest.hexdigest())


def zip_files(archive: zipfile.ZipFile, path: Path) -> Listing:
    """The members of an archive that lies at `path`."""

    def reader(member: zipfile.ZipInfo) -> Reader:
        def read() -> bytes:
            with archive.open(member) as file:
                return file.read(MAX_FILE_BYTES + 1)  # whatever size the header claims

        return read

    files: list[tuple[str, int, Reader]] = []
    left_out: dict[str, str] = {}
    for member in sorted(archive.infolist(), key=lambda member: member.filename):
        if member.filename.endswith("/"):  # `is_dir` fails where there is no name
            continue
        name = member.filename
        hidden = _hidden_part(name)
        if hidden is not None:
            left_out[hidden] = HIDDEN
        elif (reason := _reason(name)) is not None:
            left_out[name] = reason
        else:
            files.append((name, member.file_size, reader(member)))
    digest = hashlib.blake2b()
    _add(digest, path.name, path.stat().st_size, path, limit=None)
    return Listing(files, sorted(left_out.items()), digest.hexdigest())


def _hidden_part(name: str) -> str | None:
    """The outermost hidden folder that a name lies in, or the name itself; None in plain sight."""
    parts = name.split("/")
    for number, part in enumerate(parts, 1):
        if part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")):
            return "/".join(parts[:number]) + ("/" if number < len(parts) else "")
    return None


def _reason(name: str) -> str | None:
    if is_hidden(name):
        return HIDDEN
    return None if name.lower().endswith(ENDINGS) else UNKNOWN_KIND


def _add(
    digest: hashlib.blake2b, name: str, size: int, path: Path, limit: int | None = MAX_FILE_BYTES
) -> None:
    """Add a file; one that is too large to be read is known by its size, one that cannot be read
    by that."""
    digest.update(repr((name, size)).encode())
    if limit is not None and size > limit:
        return
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        digest.update(repr(error.errno).encode())
