"""Which files a command means: pictures by name, folders with all that is in them, globs.

Nothing here is heavy: every command asks it what was named.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..recipes.recipe import Recipe

# What is taken from a folder or a glob; a file that is named is taken whatever it is called.
ENDINGS = frozenset(
    ".png .jpg .jpeg .jpe .jfif .webp .tif .tiff .bmp .gif .avif .heic .heif".split()
)
_NOT_PICTURES = frozenset({"__MACOSX", "@eaDir"})


@dataclass(frozen=True)
class Source:
    """A picture that is to be done.

    Args:
        path: of its file, as it was named.
        subfolder: below the results' folder, where its results go: that of the folder it is in.
    """

    path: Path
    subfolder: Path = Path()

    @property
    def key(self) -> str:
        """The file wherever one stands."""
        return os.path.abspath(self.path)


def takes_many(task: type[Recipe]) -> bool:
    """Whether a task makes something of one picture, so that many can be given one by one."""
    pictures = [told for told in task.inputs if not told.is_mask]
    return len(pictures) == 1 and pictures[0].required and not pictures[0].several


def means_several(words: Sequence[str]) -> bool:
    """Whether the words are more than the name of one file."""
    return len(words) > 1 or any(os.path.isdir(w) or _is_glob(w) for w in words)


def find(
    words: Iterable[str], results: Path | None = None, made: Collection[str] = ()
) -> list[Source]:
    """The pictures, each once, in the order of the words and of their names within a folder.

    Args:
        words: files, folders and globs (`**` for any folders); files need not be there, so that
            one that is missing is told among the others.
        results: the folder of the results; one inside a folder of pictures is left out.
        made: absolute paths of results of before, which are no pictures to be done.

    Raises:
        UserError: a folder without pictures, or a glob that nothing is called like.
    """
    found: dict[str, Source] = {}
    for word in words:
        sources = list(_of_word(word, results))
        sources = [source for source in sources if source.key not in made]
        if not sources and os.path.isdir(word):
            raise UserError(
                "batch_folder_empty",
                "There are no pictures in the folder “{folder}”.",
                field="image",
                folder=word,
            )
        if not sources:
            raise UserError(
                "batch_glob_empty",
                "There are no pictures called like “{pattern}”.",
                field="image",
                pattern=word,
            )
        for source in sources:
            found.setdefault(os.path.realpath(source.path), source)
    return list(found.values())


def _of_word(word: str, results: Path | None) -> Iterator[Source]:
    if os.path.isdir(word):
        yield from _of_folder(Path(word), results)
    elif _is_glob(word):
        for name in sorted(glob.glob(word, recursive=True), key=_natural):
            if os.path.isdir(name):
                # "**" gives the folders within folders, too.
                if "**" not in word:
                    yield from _of_folder(Path(name), results)
            elif _is_picture(os.path.basename(name)):
                yield Source(Path(name))
    else:
        yield Source(Path(word))


def _of_folder(folder: Path, results: Path | None) -> Iterator[Source]:
    left_out = None if results is None else os.path.realpath(results)
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            (
                name
                for name in folders
                if not name.startswith(".")
                and name not in _NOT_PICTURES
                and os.path.realpath(os.path.join(place, name)) != left_out
            ),
            key=_natural,
        )
        for name in sorted(filter(_is_picture, names), key=_natural):
            yield Source(Path(place, name), Path(place).relative_to(folder))


def _is_glob(word: str) -> bool:
    return glob.has_magic(word) and not os.path.lexists(word)


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in ENDINGS


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts 2.png before 10.png."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [
        (0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part.lower())
        for part in parts
    ]
