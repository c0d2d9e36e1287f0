"""What a JPEG's header says of how its pixels were coded: tables and subsampling.

It goes with a picture that is the file's own, pixel by pixel, and with no other: whatever makes a
new picture of it (cropped, resized) leaves it behind. One that is turned upright keeps its blocks
where its sides are whole numbers of them; one that was brought into sRGB knows the way back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from PIL import Image, JpegImagePlugin

from . import metadata

# Pixels along a chroma sample: (across, down).
SUBSAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}
SAMPLED = 2  # pixels along a chroma sample, at most
EXCHANGED = 5
_SAMPLING_NAMES = ("4:4:4", "4:2:2", "4:2:0")
_TABLE_NUMBERS = 64


@dataclass(frozen=True)
class Compression:
    """Of a JPEG.

    Args:
        tables: of the planes Y, Cb and Cr, or of Y alone; 64 steps each by rows of frequencies.
        across, down: pixels along a chroma sample.
        profile: the ICC profile of the pixels that were coded, where the picture that this goes
            with has them in sRGB; None where it has the very pixels.
    """

    tables: tuple[tuple[int, ...], ...]
    across: int = 1
    down: int = 1
    profile: bytes | None = field(default=None, repr=False)

    @property
    def subsampling(self) -> str:
        """In Pillow's words, such as "4:2:0"; "4:4:4" for what Pillow cannot write."""
        names = {value: name for name, value in SUBSAMPLINGS.items()}
        return names.get((self.across, self.down), "4:4:4")

    def turned(self, orientation: int, size: tuple[int, int]) -> Compression | None:
        """That of the picture turned upright; None where its blocks then begin elsewhere.

        Args:
            orientation: EXIF's number, from 5 on rows and columns are exchanged.
            size: of the picture, in pixels.
        """
        if orientation == 1:
            return self
        if any(side % (8 * SAMPLED) for side in size):
            return None
        if orientation < EXCHANGED:
            return self
        tables = tuple(
            tuple(table[8 * column + row] for row in range(8) for column in range(8))
            for table in self.tables
        )
        return replace(self, tables=tables, across=self.down, down=self.across)


def of_header(
    quantisation: Mapping[int, Sequence[int]] | None, subsampling: str | None, is_grey: bool
) -> Compression | None:
    """What a header says, None where that is too little.

    Args:
        quantisation: tables by number, 0 for brightness, as Pillow has them.
        subsampling: such as "4:2:0".
        is_grey: there is one plane.
    """
    if not quantisation or 0 not in quantisation:
        return None
    colour = quantisation.get(1, quantisation[0])
    found = [quantisation[0]] if is_grey else [quantisation[0], colour, colour]
    if any(len(table) != _TABLE_NUMBERS or min(table) < 1 for table in found):
        return None
    tables = tuple(tuple(int(step) for step in table) for table in found)
    if is_grey:
        return Compression(tables)
    if subsampling not in SUBSAMPLINGS:
        return None
    return Compression(tables, *SUBSAMPLINGS[subsampling])


def attach(image: Image.Image, found: Compression | None) -> Image.Image:
    """The same picture, which knows it from now on."""
    image.compression = found
    return image


def of_picture(image: Image.Image) -> Compression | None:
    """What is known of how a picture was coded: attached by `Photograph.image`, or in the header
    of one that Pillow has opened; None for what is no JPEG as its file has it."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        if image.mode not in ("L", "RGB"):
            return None
        sampling = JpegImagePlugin.get_sampling(image)
        name = _SAMPLING_NAMES[sampling] if 0 <= sampling < len(_SAMPLING_NAMES) else None
        header = of_header(image.quantization, name, image.mode == "L")
        return header and header.turned(metadata.orientation(None, image), image.size)
    found = getattr(image, "compression", None)
    return found if isinstance(found, Compression) else None
