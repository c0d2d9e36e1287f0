"""Pictures from strangers into one archive of our own.

Loose files and zip archives are read member by member, within limits, and packed without
compression into a zip file that training reads. Nothing of an archive is unpacked to the disk and
none of its names is used as a path; names are kept for the report only.
"""

from __future__ import annotations

import shutil
import stat
import struct
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import UserError
from ..training.listing import DAMAGED, ENDINGS, is_hidden

MAX_FILES = 20_000
MAX_MEMBERS = 100_000  # of an archive, pictures or not
MAX_FILE_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 2 * 2**30
MAX_RATIO = 200  # unpacked to packed, of a whole archive
RATIO_FROM_BYTES = 64 * 2**20  # below this much an archive may pack as well as it likes
SPARE_BYTES = 2**30  # of the disk, left alone
MAX_NAMED = 50
_HEADER_BYTES = 30  # of a member at least
MAX_SECONDS = 120  # of reading and packing an upload


@dataclass(frozen=True)
class Intake:
    """What was taken in.

    Args:
        path: the archive.
        num_files: files in it that look like pictures by their names.
        num_bytes: of them.
        ignored: (name, reason) of the first files left out; reasons are "kind" (no picture by its
            name), "link", "size", "damaged" or "encrypted".
        num_ignored: of all files left out.
    """

    path: Path
    num_files: int
    num_bytes: int
    ignored: tuple[tuple[str, str], ...]
    num_ignored: int


def take_in(paths: Sequence[Path], target: Path) -> Intake:
    """Packs uploaded files into `target`, a zip file; on an error nothing is left of it.

    Args:
        paths: pictures and zip archives.
        target: the file to write.

    Raises:
        UserError: no picture, too much of anything, an archive that is none, the disk full.
    """
    packer = _Packer(target)
    try:
        _check_room(target, sum(path.stat().st_size for path in paths))
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            packer.archive = archive
            for path in paths:
                if path.suffix.lower() == ".zip":
                    _add_archive(packer, path)
                else:
                    _add_file(packer, path)
        if not packer.num_files:
            raise UserError(
                "upload_no_pictures",
                "There are no pictures in the upload; give PNG, JPEG, WebP, BMP, TIFF or GIF "
                "files, or a zip archive of them.",
                field="files",
            )
    except OSError as error:
        target.unlink(missing_ok=True)
        raise not_stored(error) from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    ignored = tuple(packer.ignored[:MAX_NAMED])
    return Intake(target, packer.num_files, packer.num_bytes, ignored, len(packer.ignored))


class _Packer:
    """Counts against the limits while it packs."""

    archive: zipfile.ZipFile

    def __init__(self, target: Path):
        self.target = target
        self.num_files = 0
        self.num_bytes = 0
        self.ignored: list[tuple[str, str]] = []
        self.num_read = 0
        self._names: dict[str, int] = {}  # each with how often it came
        self._until = time.monotonic() + MAX_SECONDS

    def ignore(self, name: str, reason: str) -> None:
        self.ignored.append((plain_name(name), reason))

    def read(self, num_bytes: int, name: str) -> None:
        """So many bytes have been unpacked, whether they are kept or not."""
        self.num_read += num_bytes
        if self.num_read > MAX_TOTAL_BYTES:
            raise _too_large()
        if time.monotonic() > self._until:
            raise UserError(
                "upload_too_slow",
                "Reading the upload takes more than {seconds} seconds and was given up at "
                "{name}; choose fewer pictures.",
                field="files",
                seconds=MAX_SECONDS,
                name=plain_name(name),
            )

    def add(self, name: str, content: bytes) -> None:
        self.num_files += 1
        self.num_bytes += len(content)
        if self.num_files > MAX_FILES:
            raise _too_many()
        if self.num_bytes > MAX_TOTAL_BYTES:
            raise _too_large()
        self.archive.writestr(self._free_name(plain_name(name)), content)

    def _free_name(self, name: str) -> str:
        path = PurePosixPath(name)
        free = name
        while free in self._names:
            self._names[name] += 1
            free = str(path.with_name(f"{path.stem} ({self._names[name]}){path.suffix}"))
        self._names[free] = 1
        return free


def plain_name(name: str) -> str:
    """A name for people: relative, without "..", drive letters and control characters."""
    parts = name.replace("\\", "/").split("/")
    cleaned = ["".join(c for c in part if c.isprintable() and c != ":") for part in parts]
    return "/".join(part for part in cleaned if part.strip(". "))[-120:].lstrip("/") or "unnamed"


def _add_file(packer: _Packer, path: Path) -> None:
    if path.suffix.lower() not in ENDINGS:
        packer.ignore(path.name, "kind")
    elif path.stat().st_size > MAX_FILE_BYTES:
        packer.ignore(path.name, "size")
    else:
        packer.add(path.name, path.read_bytes())


def _add_archive(packer: _Packer, path: Path) -> None:
    with _opened(path) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.filename)
        _check_archive(path, members)
        for member in members:
            name = member.filename
            if name.endswith("/") or is_hidden(name):  # `is_dir` fails where there is no name
                continue
            reason = _refusal(member)
            if reason:
                packer.ignore(name, reason)
                continue
            packer.read(0, name)
            try:
                with archive.open(member) as file:  # whatever size the header claims
                    content = file.read(MAX_FILE_BYTES + 1)
            except DAMAGED:
                # A damaged one has been unpacked up to where it is.
                packer.read(member.file_size, name)
                packer.ignore(name, "damaged")
                continue
            packer.read(len(content), name)
            if len(content) > MAX_FILE_BYTES:
                packer.ignore(name, "size")
            else:
                packer.add(name, content)


def _refusal(member: zipfile.ZipInfo) -> str | None:
    """Why a member is left out, None when it is not."""
    if stat.S_ISLNK(member.external_attr >> 16):
        return "link"
    if not member.filename.lower().endswith(ENDINGS):
        return "kind"
    if member.flag_bits & 1:
        return "encrypted"
    return "size" if member.file_size > MAX_FILE_BYTES else None


def _check_archive(path: Path, members: list[zipfile.ZipInfo]) -> None:
    pictures = sum(member.filename.lower().endswith(ENDINGS) for member in members)
    if len(members) > MAX_MEMBERS or pictures > MAX_FILES:
        raise _too_many()
    unpacked = sum(member.file_size for member in members)
    bomb = unpacked > RATIO_FROM_BYTES and unpacked > MAX_RATIO * path.stat().st_size
    if bomb or unpacked > MAX_TOTAL_BYTES:
        raise _too_large()
    _check_overlaps(path, members)
    _check_room(path.parent, unpacked)


def _check_overlaps(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse members that lie in one another, so that few bytes are read as many pictures."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise UserError(
                "upload_zip_overlaps",
                "In the archive {file} the file {name} lies inside another one; pack the "
                "pictures again.",
                field="files",
                file=path.name,
                name=plain_name(member.filename),
            )
        end = member.header_offset + _HEADER_BYTES + member.compress_size


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (*DAMAGED, struct.error, OverflowError) as error:
        raise UserError(
            "train_zip_unreadable",
            "The file {name} is not a zip archive or is damaged.",
            field="files",
            name=path.name,
        ) from error


def _check_room(target: Path, num_bytes: int) -> None:
    folder = target if target.is_dir() else target.parent
    if shutil.disk_usage(folder).free < num_bytes + SPARE_BYTES:
        raise UserError(
            "disk_full",
            "There is too little room left on the disk of this machine; make some first.",
            field="files",
        )


def not_stored(error: OSError) -> UserError:
    """The sentence for an upload that the disk did not take."""
    return UserError(
        "upload_not_stored",
        "The upload cannot be stored: {reason}.",
        field="files",
        reason=error.strerror or type(error).__name__,
    )


def _too_many() -> UserError:
    return UserError(
        "upload_too_many",
        "The upload holds more than {limit} pictures; choose some of them.",
        field="files",
        limit=MAX_FILES,
    )


def _too_large() -> UserError:
    return UserError(
        "upload_too_large",
        "The upload holds more than {limit} MB once unpacked; make the pictures smaller or choose "
        "some of them.",
        field="files",
        limit=MAX_TOTAL_BYTES // 2**20,
    )
