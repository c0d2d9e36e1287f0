"""What is done already, a line of JSON a picture: read again by a command that goes on.

A process killed while it writes leaves half a line, which nobody reads; several processes take
turns by a lock that the system lets go when its holder is killed.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..pictures.saving import make_folder, remove_partial, writing

NAME = "batch-journal.jsonl"


@dataclass(frozen=True)
class Entry:
    """What became of a picture.

    Args:
        source: absolute path of its file.
        settings: names what was asked for, see `settings.Settings.key`.
        shown: the file as it was named.
        size, changed_ns: bytes of the file, and when it was last changed.
        input_hash: names its contents.
        files: the results, below the folder.
        seconds: that it took.
        width, height: in pixels; 0 where it could not be read.
        metrics: numbers of the run: "sigma_255", "psnr" and so on, where they are known.
        error: key of what was wrong, "" for nothing.
        message: that in a sentence.
    """

    source: str
    settings: str
    shown: str = ""
    size: int = 0
    changed_ns: int = 0
    input_hash: str = ""
    files: tuple[str, ...] = ()
    seconds: float = 0.0
    width: int = 0
    height: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    message: str = ""


class Journal:
    """The journal of a folder of results.

    Args:
        folder: is made.

    Raises:
        UserError: it cannot be made.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / NAME
        make_folder(folder)

    def entries(self) -> dict[tuple[str, str], Entry]:
        """The newest entry of each (source, settings); what is damaged is left out."""
        found: dict[tuple[str, str], Entry] = {}
        for entry in self._lines():
            found[entry.source, entry.settings] = entry
        return found

    def made(self) -> set[str]:
        """Absolute paths of all results that were ever written here."""
        return {os.path.abspath(self.folder / n) for entry in self._lines() for n in entry.files}

    def add(self, entry: Entry) -> None:
        """Write one down.

        Raises:
            UserError: it cannot be written.
        """
        line = json.dumps(asdict(entry), ensure_ascii=True).encode() + b"\n"
        with self.lock(), writing(self.path):
            with self.path.open("ab", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                if end and not self._ends_a_line(end):
                    line = b"\n" + line  # after half a line of a killed process
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by one process at a time."""
        with writing(self.path), self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def clean(self) -> None:
        """Remove what killed processes left unfinished, here and below."""
        for place, _, _ in os.walk(self.folder):
            remove_partial(Path(place))

    def _ends_a_line(self, end: int) -> bool:
        with self.path.open("rb") as file:
            file.seek(end - 1)
            return file.read(1) == b"\n"

    def _lines(self) -> Iterator[Entry]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            with writing(self.path):
                raise error
        for line in content.split(b"\n"):
            try:
                values = json.loads(line)
                yield Entry(**{**values, "files": tuple(map(str, values["files"]))})
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
