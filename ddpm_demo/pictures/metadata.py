"""What files say besides pixels: EXIF, XMP, dots per inch, orientation."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from . import xmp

# Of EXIF or XMP: a megabyte and more are the previews that some makers put into their notes.
MAX_BYTES = 2**24
ORIENTATION, SOFTWARE, XMP = 0x0112, 0x0131, 0x02BC
DESCRIPTION, IMAGEJ, IMAGEJ_COUNTS = 0x010E, 50839, 50838
# A description with these words is of a stack's pages and channels, not of what is to be seen.
_OF_PAGES = ("ImageJ=", '{"shape"', "<OME")
EXIF_IFD, GPS_IFD, INTEROP_IFD, FIRST_THUMBNAIL_TAG = 0x8769, 0x8825, 0xA005, 0x0201
USER_COMMENT, MAKER_NOTE, WIDTH, HEIGHT = 0x9286, 0x927C, 0xA002, 0xA003
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
WORDS = (
    *("Title", "Author", "Description", "Copyright", "Creation Time", "Software", "Disclaimer"),
    *("Warning", "Source", "Comment"),
)
MAX_WORDS = 2**16  # characters of each
# Of a TIFF's own layout, which is another in the result.
LAYOUT = frozenset(
    (254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284)
    + (288, 289, 290, 291, 292, 293, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330)
    + (332, 333, 334, 336, 337, 338, 339, 340, 341, 347, 512, 513, 514, 515, 517, 518, 519, 520)
    + (521, 529, 530, 531, 532, 700, 34675, 34377, 50717, 50714)
    + (IMAGEJ, IMAGEJ_COUNTS)
)
_TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@dataclass(frozen=True)
class Said:
    """Of a file that Pillow need not decode: its `info`, EXIF and XMP."""

    info: dict[str, Any] = field(default_factory=dict)
    exif: bytes | None = None
    xmp: bytes | None = None


def bounded(data: object) -> bytes | None:
    """Metadata of a reasonable size, else None."""
    if not isinstance(data, bytes | bytearray) or not 0 < len(data) <= MAX_BYTES:
        return None
    return bytes(data)


def exif_of(image: Image.Image) -> bytes | None:
    """The EXIF data of an opened picture as bytes; None for none, or broken ones."""
    raw = bounded(image.info.get("exif"))
    if raw is not None or image.format != "TIFF":
        return raw
    try:  # a TIFF's are its own tags
        return _without_layout(image.getexif())
    except Exception:  # noqa: BLE001  broken EXIF data raise almost anything and do not matter
        return None


def tags_of(image: Image.Image) -> Image.Exif:
    """The EXIF tags of an opened picture; none for broken ones."""
    try:
        return image.getexif()
    except Exception:  # noqa: BLE001  broken EXIF data raise almost anything and do not matter
        return Image.Exif()


def _without_layout(exif: Image.Exif) -> bytes | None:
    for tag in [tag for tag in exif if tag in LAYOUT]:
        del exif[tag]
    return bounded(exif.tobytes()) if len(exif) else None


def of_tiff(content: bytes) -> Said:
    """What Pillow reads of a TIFF whose pixels it cannot decode."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exif = Image.Exif()
            exif.load(content)
            tags = ImageFileDirectory_v2(content[:8])
            file = io.BytesIO(content)
            file.seek(tags.next)
            tags.load(file)
            info = {"icc_profile": bounded(tags.get(34675)), "resolution": _resolution(tags)}
            packet = bounded(_as_bytes(tags.get(XMP)))
            return Said(info, _without_layout(exif), packet)
        except Exception:  # noqa: BLE001  broken metadata do not matter
            return Said()


def _as_bytes(value: object) -> object:
    return bytes(value) if isinstance(value, tuple) else value


def _resolution(tags: Mapping[int, Any]) -> tuple[float, float] | None:
    return dpi_of({}, None, tags)


def words_of(info: Mapping[str, Any]) -> dict[str, str]:
    """A PNG's texts before its pixels, by the keywords that its specification knows (11.3.3)."""
    return {
        name: str(info[name]) for name in WORDS if 0 < len(str(info.get(name, ""))) <= MAX_WORDS
    }


def dpi_of(
    info: Mapping[str, Any], exif: bytes | None, tags: Mapping[int, Any] | None = None
) -> tuple[float, float] | None:
    """Dots per inch, across and down, by the file's header or else its EXIF data."""
    found = info.get("dpi") or info.get("resolution")
    if found is None:
        tags = _load(exif) if tags is None and exif else tags
        if not tags or X_RESOLUTION not in tags or tags.get(RESOLUTION_UNIT) == 1:
            return None
        scale = 2.54 if tags.get(RESOLUTION_UNIT) == 3 else 1.0
        try:
            found = tuple(float(tags.get(t, 0)) * scale for t in (X_RESOLUTION, Y_RESOLUTION))
        except (TypeError, ValueError, ZeroDivisionError):
            return None
    try:
        across, down = (float(value) for value in found)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    is_sane = all(math.isfinite(v) and 1 <= v <= 100_000 for v in (across, down))
    return (across, down) if is_sane else None


def _load(exif: bytes) -> Image.Exif:
    loaded = Image.Exif()
    try:
        loaded.load(exif)
    except Exception:  # noqa: BLE001  broken EXIF data raise almost anything and do not matter
        return Image.Exif()
    return loaded


def orientation(exif: bytes | None, image: Image.Image | None, packet: bytes | None = None) -> int:
    """1 to 8 by EXIF, or else by XMP; 1 where nothing, or nonsense, is said.

    Args:
        exif: where Pillow has not opened the file.
        image: opened by Pillow, which looks into XMP too.
        packet: XMP, where it has not.
    """
    try:
        turn = image.getexif().get(ORIENTATION) if image else _load(exif or b"").get(ORIENTATION)
        turn = xmp.orientation(packet) if turn is None else turn
    except Exception:  # noqa: BLE001  broken EXIF data raise almost anything and do not matter
        return 1
    return turn if turn in _TURNS else 1


def turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """[H, W, ...] upright."""
    turn = _TURNS.get(orientation)
    return values if turn is None else np.ascontiguousarray(turn(values))


def carried(
    exif: bytes | None,
    size: tuple[int, int],
    dpi: tuple[float, float] | None,
    with_dpi: bool = False,
) -> Image.Exif:
    """The EXIF data that go on to a result: upright, of its size, without the thumbnail.

    Args:
        exif: of the input, None for none.
        size: (width, height) of the result.
        dpi: of the result.
        with_dpi: the format has no other place for it.
    """
    found = _load(exif) if exif else Image.Exif()
    result = Image.Exif()
    result.endian = found.endian
    for tag, value in found.items():
        if tag not in LAYOUT and tag not in (EXIF_IFD, GPS_IFD) and not 0x0200 < tag < 0x0203:
            result[tag] = value
    for ifd in (EXIF_IFD, GPS_IFD):
        try:
            values = dict(found.get_ifd(ifd))
        except Exception:  # noqa: BLE001  broken EXIF data raise almost anything
            values = {}
        if values:
            result.get_ifd(ifd).update(values)
    if any(words in str(result.get(DESCRIPTION, "")) for words in _OF_PAGES):
        del result[DESCRIPTION]
    if exif:
        result[ORIENTATION] = 1
        inner = result.get_ifd(EXIF_IFD)
        for tag, value in ((WIDTH, size[0]), (HEIGHT, size[1])):
            if tag in inner:
                inner[tag] = value
    if dpi and (with_dpi or X_RESOLUTION in result):
        result[X_RESOLUTION], result[Y_RESOLUTION] = dpi
        result[RESOLUTION_UNIT] = 2
    return result


def within(exif: Image.Exif, packed: bytes | None, limit: int) -> bytes | None:
    """EXIF data as a JPEG's segment can hold; a maker's private notes go first, then whatever
    takes most, but for the comment that may be the recipe."""
    while packed is not None and len(packed) > limit:
        parts = [exif, exif.get_ifd(EXIF_IFD), exif.get_ifd(GPS_IFD)]
        sizes = [
            (tag == MAKER_NOTE, _num_bytes(value), number, tag)
            for number, part in enumerate(parts)
            for tag, value in part.items()
            if tag not in (EXIF_IFD, GPS_IFD, USER_COMMENT)
        ]
        if not sizes:
            return None
        *_, number, tag = max(sizes)
        del parts[number][tag]
        packed = exif.tobytes()
    return packed


def _num_bytes(value: object) -> int:
    """About what an EXIF value takes."""
    if isinstance(value, bytes | str):
        return len(value)
    return 8 * len(value) if isinstance(value, tuple) else 8
