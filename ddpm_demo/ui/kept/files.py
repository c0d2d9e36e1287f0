"""Copies of the pictures that went into runs, so that they outlive the cache of uploads."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

MAX_FILE_BYTES = 64 * 2**20


class Files:
    """A folder of one visitor's pictures, each once, however often it is used."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._sizes: dict[Path, int] = {}

    def take(self, path: str | Path) -> Path | None:
        """A copy of the file under its own name; None where it is gone or too large.

        Args:
            path: of a file that was found among the uploads before, or of a copy made here.
        """
        source = Path(path)
        if source in self._sizes:
            return source
        try:
            if source.stat().st_size > MAX_FILE_BYTES:
                return None
            content = source.read_bytes()
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="ddpm_demo-kept-"))
            target = self._folder / hashlib.sha256(content).hexdigest() / source.name
            if target not in self._sizes:
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(content)
                self._sizes[target] = len(content)
        except OSError:  # a full disk, say: then it is not kept
            return None
        return target

    @property
    def num_bytes(self) -> int:
        """On disk."""
        return sum(self._sizes.values())

    def keep_only(self, used: Iterable[Path]) -> None:
        """Remove all but these."""
        for path in self._sizes.keys() - set(used):
            path.unlink(missing_ok=True)
            del self._sizes[path]

    def remove(self) -> None:
        """Remove everything."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder, self._sizes = None, {}
