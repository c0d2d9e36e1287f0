"""`Photograph`: the pixels of a file in sRGB and in its own colours, and what the file said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..errors import UserError
from . import compression, deep
from .compression import Compression

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 256  # worked on at a time, so that no copy of a whole picture is made on the way


@dataclass(frozen=True)
class FileFacts:
    """What a picture's file says besides its pixels.

    Args:
        format: Pillow's name ("PNG", "JPEG", "TIFF", "HEIF" ...); "" for none.
        mode: of the pixels as they are stored, in Pillow's words ("RGB", "I;16", "CMYK" ...).
        bits: of a sample; 32 for floats, 12 for twelve in sixteen.
        profile: the ICC profile as embedded, broken ones too.
        exif, xmp: as embedded, None for none. Pixels are upright already.
        dpi: dots per inch, across and down.
        quantisation: a JPEG's tables, 64 numbers each in zigzag order, by number.
        subsampling: of a JPEG's or a HEIC's chroma, such as "4:2:0".
        frames: how many pictures the file holds.
        orientation: EXIF's number of how they were turned on the way here; 1 for not at all.
        jpeg: a JPEG's file as it is, for a result whose pixels are its own.
        words: a PNG's texts by their keyword, such as "Author".
    """

    format: str = ""
    mode: str = "RGB"
    bits: int = 8
    profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    quantisation: dict[int, list[int]] | None = None
    subsampling: str | None = None
    frames: int = 1
    orientation: int = 1
    jpeg: bytes | None = field(default=None, repr=False)
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Photograph:
    """A picture from a file.

    Args:
        colour: [H, W] grey or [H, W, 3] in sRGB; uint8, or uint16 where the file has more bits.
        own: the same pixels in the file's own colours and depth (uint8, uint16 or float32); the
            very array `colour` where nothing differs.
        alpha: [H, W], of `colour`'s dtype; None for an opaque picture.
        black, white: values of `own` that mean black and white.
        profile: ICC profile of `own`; None for sRGB without a tag.
        file: what the file said.
        notes: what its owner should know, such as a broken profile.
    """

    colour: np.ndarray
    own: np.ndarray
    alpha: np.ndarray | None = None
    black: float = 0.0
    white: float = 255.0
    profile: bytes | None = None
    file: FileFacts = field(default_factory=FileFacts)
    notes: tuple[UserError, ...] = ()

    @property
    def width(self) -> int:
        return self.colour.shape[1]

    @property
    def height(self) -> int:
        return self.colour.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height

    @property
    def is_grey(self) -> bool:
        return self.colour.ndim == 2

    @property
    def is_deep(self) -> bool:
        """Whether it has more than 8 bits."""
        return self.colour.dtype != np.uint8

    @property
    def compression(self) -> Compression | None:
        """How the file's pixels were coded, where it is a JPEG and `colour` has these very pixels,
        or these in sRGB; None otherwise."""
        coded = self.coded
        if self.colour is self.own or coded is None:
            return coded
        known = self.profile is not None and self.colour.shape == self.own.shape
        return replace(coded, profile=self.profile) if known else None

    @property
    def coded(self) -> Compression | None:
        """How `own` was coded, where it has the very pixels of a JPEG."""
        file = self.file
        if file.mode not in ("L", "RGB"):
            return None
        found = compression.of_header(file.quantisation, file.subsampling, self.is_grey)
        return found and found.turned(file.orientation, self.size)

    @property
    def image(self) -> Image.Image:
        """In 8 bits and sRGB: mode L, RGB, or RGBA with what is transparent. What is deep knows
        its deep pixels, see `deep`. A copy, for as long as somebody needs it."""
        colour = to_8_bit(self.colour)
        if self.alpha is None:
            image = compression.attach(Image.fromarray(colour), self.compression)
        else:
            image = Image.fromarray(colour).convert("RGB")
            image.putalpha(Image.fromarray(to_8_bit(self.alpha)))
        return deep.attach(image, self.colour) if self.is_deep else image

    def tensor(self, channels: int) -> Tensor:
        """Of the full depth, float32 [1, channels, H, W] in [-1, 1], transparency left out.

        Args:
            channels: 1 for grey (ITU-R 601 luma), 3 for colour.
        """
        import torch  # the page is built without it

        top = np.iinfo(self.colour.dtype).max

        values = torch.from_numpy(self.colour.astype(np.float32)) / (top / 2) - 1
        if self.is_grey:
            return values.expand(1, channels, *values.shape).contiguous()
        if channels == 1:
            return (values @ torch.tensor([0.299, 0.587, 0.114]))[None, None]
        return values.permute(2, 0, 1)[None].contiguous()


def to_8_bit(values: np.ndarray) -> np.ndarray:
    """uint8 or uint16 as uint8, rounded to the nearest."""
    if values.dtype == np.uint8:
        return values
    result = np.empty(values.shape, np.uint8)
    for rows in strips(len(values)):
        result[rows] = np.rint(values[rows] / np.float32(257))
    return result


def to_16_bit(values: np.ndarray) -> np.ndarray:
    """uint8 or uint16 as uint16: 255 becomes 65535."""
    return values if values.dtype == np.uint16 else values.astype(np.uint16) * np.uint16(257)


def strips(height: int) -> list[slice]:
    """Slices of `ROWS` rows that cover a picture."""
    return [slice(top, min(top + ROWS, height)) for top in range(0, height, ROWS)]
