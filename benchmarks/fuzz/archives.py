"""Archives: damaged, packed by every method, with names of every kind."""

from __future__ import annotations

import io
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.jobs import take_in

from .mutants import mutant
from .tally import Tally, attack

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_NAMES = (
    "a.png",
    "../a.png",
    "/a.png",
    "C:\\a.png",
    "a/b.jpg",
    "x.txt",
    "a\x07.png",
    "猫.png",
    ".a.png",
)


def fuzz(cases: int, seed: int = 0, seconds: float | None = None) -> Tally:
    """Archives taken in as an upload; nothing may be left of those that are refused."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        return attack("archives", _cases(Random(seed), cases, Path(folder)), seconds)


def _cases(
    random: Random, count: int, folder: Path
) -> Iterator[tuple[object, Callable[[], object]]]:
    given, target = folder / "given.zip", folder / "draft" / "upload.zip"
    target.parent.mkdir()
    for _ in range(count):
        content = _archive(random)
        tail = random.random() < 0.5  # the directory is at the end
        content = mutant(random, content[::-1])[::-1] if tail else mutant(random, content)
        given.write_bytes(content)
        yield content[:60], lambda: _take(given, target)


def _archive(random: Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", random.choice(_METHODS)) as file:
        for _ in range(random.randint(1, 6)):
            pixels = np.full((9, 9, 3), random.randrange(256), np.uint8)
            picture = io.BytesIO()
            Image.fromarray(pixels).save(picture, "PNG")
            file.writestr(random.choice(_NAMES), picture.getvalue())
    return buffer.getvalue()


def _take(given: Path, target: Path) -> None:
    try:
        take_in([given], target)
    except UserError:
        assert not target.exists(), "something was left behind"
        raise
    with zipfile.ZipFile(target) as file:
        assert file.testzip() is None
        assert all(not n.startswith(("/", "..")) and ":" not in n for n in file.namelist())
    target.unlink()
