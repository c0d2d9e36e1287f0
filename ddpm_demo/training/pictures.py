"""Pictures of any sizes in one flat file, read as a memory map: they need not fit in memory.

`PictureWriter` appends uint8 pictures to `NAME.bin`; `NAME.json` is written last and says where
each lies, so that its presence says the file is whole.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image


class PictureWriter:
    """Appends pictures; on leaving the `with` block without an error the file is whole.

    Args:
        path: without ending.
        facts: written beside the index, for `read_facts`.

    Raises:
        OSError: the disk is full; nothing is left behind.
    """

    def __init__(self, path: Path, facts: dict[str, Any]):
        self.path = path
        self.facts = facts
        self._index: list[list[int]] = []
        self._offset = 0

    def __enter__(self) -> PictureWriter:
        self.path.with_suffix(".json").unlink(missing_ok=True)
        self._file = open(self.path.with_suffix(".bin"), "wb")
        return self

    def append(self, picture: np.ndarray) -> None:
        """Adds uint8 [H, W, C]."""
        self._file.write(np.ascontiguousarray(picture).data)
        self._index.append([self._offset, *picture.shape])
        self._offset += picture.size

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
            if error is None:
                content = json.dumps({**self.facts, "index": self._index})
                partial = self.path.with_suffix(".json.partial")
                partial.write_text(content, encoding="utf-8")
                os.replace(partial, self.path.with_suffix(".json"))
        except OSError as failure:
            error = failure
            raise
        finally:
            if error is not None:
                self.path.with_suffix(".json.partial").unlink(missing_ok=True)
                self.path.with_suffix(".bin").unlink(missing_ok=True)


def read_facts(path: Path) -> dict[str, Any] | None:
    """What stands beside whole pictures at `path`; None when there are none."""
    try:
        return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


class PackedSource:
    """Pictures of different sizes in one flat array, by number.

    Args:
        flat: uint8, possibly a memory map.
        index: int64 [N, 4], a row a picture: offset, height, width, channels.
    """

    def __init__(self, flat: np.ndarray, index: np.ndarray):
        self.flat = flat
        self.index = index
        self.num_images = len(index)

    @classmethod
    def open(cls, path: Path) -> PackedSource:
        """What a `PictureWriter` wrote.

        Raises:
            OSError, ValueError: it is not there or not whole.
        """
        facts = read_facts(path)
        if not facts or not facts["index"]:
            raise ValueError(f"{path.name} holds no pictures")
        flat = np.memmap(path.with_suffix(".bin"), dtype=np.uint8, mode="r")
        return cls(flat, np.array(facts["index"], dtype=np.int64))

    def get(self, number: int) -> np.ndarray:
        """Picture `number`, uint8 [H, W, C]."""
        offset, height, width, channels = (int(value) for value in self.index[number])
        size = height * width * channels
        return self.flat[offset : offset + size].reshape(height, width, channels)


class ArraySource:
    """Pictures of one size, uint8 [N, H, W, C], possibly a memory map."""

    def __init__(self, images: np.ndarray):
        self.images = images
        self.num_images = len(images)

    def get(self, number: int) -> np.ndarray:
        """Picture `number`, uint8 [H, W, C]."""
        return np.asarray(self.images[number])


def resize_square(picture: np.ndarray, size_px: int) -> np.ndarray:
    """The centre square of uint8 [H, W, C] at `size_px`; as it is when it has that size."""
    height, width, channels = picture.shape
    if height == width == size_px:
        return picture
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    image = Image.fromarray(square[..., 0] if channels == 1 else square)
    small = image.resize((size_px, size_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(small).reshape(size_px, size_px, channels)


def to_channels(
    picture: np.ndarray, channels: int, background: tuple[int, int, int]
) -> np.ndarray:
    """uint8 [H, W, 1 to 4] with `channels` (1 or 3); transparency is laid over `background`."""
    present = picture.shape[-1]
    if present == channels:
        return picture
    if present in (2, 4):
        alpha = picture[..., -1:].astype(np.float32) / 255
        canvas = np.array(background, dtype=np.float32)
        colour = np.broadcast_to(picture[..., :-1], (*picture.shape[:2], 3))
        picture = np.rint(alpha * colour + (1 - alpha) * canvas).astype(np.uint8)
    if picture.shape[-1] == channels:
        return picture
    if channels == 3:
        return np.repeat(picture, 3, axis=-1)
    return np.asarray(Image.fromarray(picture).convert("L"))[..., None]
