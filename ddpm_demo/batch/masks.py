"""The masks of many pictures: one for all, or a folder with one of the same name for each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from .sources import ENDINGS, Source

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Mask:
    """A mask that was read.

    Args:
        name: of the task's input.
        content: of its file.
        image: mode L, 255 where it says fill.
    """

    name: str
    content: bytes
    image: Image.Image


@dataclass(frozen=True)
class Masks:
    """Where the masks are.

    Args:
        path: a picture, or a folder that has for `photo.jpg` a picture called `photo`, with any
            ending, in the same subfolder or at its top; None for no mask.
        name: of the task's input.
    """

    path: str | None = None
    name: str = "mask"

    @property
    def is_given(self) -> bool:
        return self.path is not None

    @property
    def key(self) -> str:
        """Names it among the settings, another file of the same name as another one."""
        if self.path is None:
            return ""
        name = os.path.abspath(self.path)
        if not os.path.isfile(name):
            return name
        status = os.stat(name)
        return f"{name} {status.st_size} {status.st_mtime_ns}"

    def of(self, source: Source) -> Mask:
        """The mask of a picture.

        Raises:
            UserError: there is none, or it cannot be read.
        """
        if self.path is None or not os.path.isdir(self.path):
            return self._only
        folder = Path(self.path)
        for place in (folder / source.subfolder, folder):
            if not place.is_dir():
                continue
            for path in sorted(place.iterdir()):
                if path.stem == source.path.stem and path.suffix.lower() in ENDINGS:
                    return self._read(path)
        raise UserError(
            "batch_mask_missing",
            "The folder of masks has none called “{name}”.",
            field="mask",
            name=source.path.stem,
        )

    @cached_property
    def _only(self) -> Mask:
        return self._read(Path(self.path or ""))

    def _read(self, path: Path) -> Mask:
        from ..pictures import mask_reading
        from ..pictures.opening import read_bytes

        content = read_bytes(path)
        return Mask(self.name, content, mask_reading.read(content))
