"""One folder for everything that a running app keeps for a while: uploads, results, downloads.

It goes with the app. Of an app that was killed it stays, and the next one that starts removes it:
each holds a lock on its own folder as long as it lives, whatever becomes of it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "ddpm_demo-app-"
GRADIO_VARIABLE = "GRADIO_TEMP_DIR"
_LOCK = "alive.lock"
_YOUNG_SECONDS = 60  # a folder without a lock: its app is just starting


def use_own_folder(root: str | Path | None = None) -> Path:
    """Make a folder for this process, let everything temporary go there, sweep the left-overs.

    Where `GRADIO_TEMP_DIR` names a folder, uploads go there, and whoever named it sweeps it.

    Args:
        root: the folder to make it in; None for the system's.

    Raises:
        OSError: there is no room, or no right to write.
    """
    root = Path(root or tempfile.gettempdir())
    sweep(root)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    lock = FileLock(folder / _LOCK)
    lock.acquire()
    tempfile.tempdir = str(folder)
    os.environ.setdefault(GRADIO_VARIABLE, str(folder / "uploads"))

    def go() -> None:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(go)
    return folder


def sweep(root: Path) -> list[Path]:
    """Remove the folders of apps that are no more; those that were removed."""
    removed = []
    for folder in root.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or not folder.is_dir() or not _is_mine(folder):
                continue
            if _is_dead(folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return removed


def _is_mine(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _is_dead(folder: Path) -> bool:
    if not (folder / _LOCK).is_file():
        return time.time() - folder.stat().st_mtime > _YOUNG_SECONDS
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True
