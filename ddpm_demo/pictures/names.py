"""What results are called: after what went in, never over it, never over another's result."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from ..errors import UserError
from .png_recipe import read_recipe

MAX_STEM_BYTES = 180
# What differs between two runs of the same recipe.
_MEASURED = ("metrics", "reconstruction_mse", "seconds")


def result_stem(source: str | os.PathLike[str], suffix: str) -> str:
    """ "photo-denoised" of "holiday/photo.jpg"; what no file system takes is left out."""
    stem = re.sub(r'[\x00-\x1f/\\:*?"<>|]', "_", Path(source).stem).strip(" .") or "picture"
    cut = stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore")
    return f"{cut}-{suffix}" if suffix else cut


def numbered(name: str) -> Iterator[str]:
    """ "a.png", "a-2.png", "a-3.png" ..."""
    stem, dot, ending = name.rpartition(".")
    yield name
    for number in count(2):
        yield f"{stem}-{number}{dot}{ending}"


def free_name(
    folder: Path,
    name: str,
    recipe: Mapping[str, Any],
    inputs: Iterable[Path] = (),
    over_broken: bool = False,
) -> str:
    """`name`, or with the first number under which nothing is lost by writing.

    Args:
        folder: that is written to.
        name: with its ending.
        recipe: of the result; a file of the same recipe may be written over.
        inputs: files that went in, which are never written over.
        over_broken: a file that is no picture at all may be.
    """
    taken = [path for path in map(Path, inputs) if path.exists()]
    return next(n for n in numbered(name) if _is_free(folder / n, recipe, taken, over_broken))


def _is_free(
    path: Path, recipe: Mapping[str, Any], inputs: Iterable[Path], over_broken: bool
) -> bool:
    if not path.exists() and not path.is_symlink():
        return True
    if path.is_symlink() or any(path.samefile(taken) for taken in inputs):
        return False
    try:
        found = read_recipe(path)
    except (UserError, OSError) as error:
        return over_broken and getattr(error, "key", "") == "recipe_not_png"
    return _identity(found) == _identity(json.loads(json.dumps(recipe)))


def _identity(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What makes a picture, without what was measured on it."""
    return {key: value for key, value in recipe.items() if key not in _MEASURED}
