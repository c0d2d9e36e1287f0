"""TIFF files of any depth with the metadata of their input (TIFF 6.0, deflated strips)."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from .metadata import EXIF_IFD, GPS_IFD, RESOLUTION_UNIT, X_RESOLUTION, XMP, Y_RESOLUTION
from .photograph import strips

_SHORT, _LONG, _UNDEFINED, _FLOAT = 3, 4, 7, 11
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _MAX_SAMPLE = 273, 277, 278, 279, 281
_PREDICTOR, _EXTRA, _FORMAT, _S_MIN, _S_MAX, _PROFILE = 317, 338, 339, 340, 341, 34675
_DEFLATE, _DIFFERENCES, _UNASSOCIATED, _IS_FLOAT = 8, 2, 2, 3
_BYTE_ORDER = {"<": b"II*\0\x08\0\0\0"}


def write(
    samples: np.ndarray,
    *,
    black: float,
    white: float,
    exif: Image.Exif,
    profile: bytes | None = None,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """The file of a picture.

    Args:
        samples: [H, W, C] of uint8, uint16, uint32, int32 or float32: grey or RGB, and alpha last
            where C is 2 or 4.
        black, white: what the values mean; told by a tag where it is not the type's whole range.
        exif: tags of the picture, and those of a camera and a place.
        profile, xmp: as they go into the file.
        dpi: dots per inch, across and down.
    """
    height, width, channels = samples.shape
    directory = ImageFileDirectory_v2(_BYTE_ORDER["<"])
    for tag, value in exif.items():
        if tag not in (EXIF_IFD, GPS_IFD):
            directory[tag] = value
    for tag in (EXIF_IFD, GPS_IFD):
        if inner := dict(exif.get_ifd(tag)):
            directory.tagtype[tag] = _LONG
            directory[tag] = inner
    is_whole = samples.dtype.kind in "ui"
    nothing = (0,) * len(strips(height))
    facts: dict[int, tuple[int, object]] = {
        _WIDTH: (_LONG, width),
        _HEIGHT: (_LONG, height),
        _BITS: (_SHORT, (8 * samples.dtype.itemsize,) * channels),
        _COMPRESSION: (_SHORT, _DEFLATE),
        _PHOTOMETRIC: (_SHORT, 2 if channels > 2 else 1),
        _OFFSETS: (_LONG, nothing),
        _SAMPLES: (_SHORT, channels),
        _ROWS: (_LONG, min(height, strips(height)[0].stop)),
        _COUNTS: (_LONG, nothing),
        _FORMAT: (_SHORT, ({"u": 1, "i": 2, "f": _IS_FLOAT}[samples.dtype.kind],) * channels),
        **_range_tags(samples.dtype, black, white, channels),
    }
    if is_whole:
        facts[_PREDICTOR] = (_SHORT, _DIFFERENCES)
    if channels in (2, 4):
        facts[_EXTRA] = (_SHORT, _UNASSOCIATED)
    if profile:
        facts[_PROFILE] = (_UNDEFINED, profile)
    if xmp:
        facts[XMP] = (1, xmp)
    for tag, (kind, value) in facts.items():
        directory.tagtype[tag] = kind
        directory[tag] = value
    if dpi:
        directory[X_RESOLUTION] = IFDRational(round(dpi[0] * 1000), 1000)
        directory[Y_RESOLUTION] = IFDRational(round(dpi[1] * 1000), 1000)
        directory[RESOLUTION_UNIT] = 2
    # The directory comes first and is as long whatever its numbers are, so that every strip goes
    # into the file at once and is held nowhere else.
    file = io.BytesIO()
    file.write(_BYTE_ORDER["<"] + directory.tobytes(8))
    counts = tuple(file.write(_deflated(samples[rows], is_whole)) for rows in strips(height))
    directory[_OFFSETS] = tuple(np.cumsum((0, *counts[:-1])).tolist())
    directory[_COUNTS] = counts
    file.seek(8)
    file.write(directory.tobytes(8))
    return file.getvalue()


def _deflated(rows: np.ndarray, is_whole: bool) -> bytes:
    """A strip: differences of neighbours where samples are whole numbers, deflated."""
    rows = rows.astype(rows.dtype.newbyteorder("<"))
    if is_whole:
        rows = np.concatenate([rows[:, :1], np.diff(rows, axis=1)], axis=1)
    return zlib.compress(rows.tobytes(), 6)


def _range_tags(
    dtype: np.dtype, black: float, white: float, channels: int
) -> Mapping[int, tuple[int, object]]:
    if dtype.kind == "f":
        return {_S_MIN: (_FLOAT, (black,) * channels), _S_MAX: (_FLOAT, (white,) * channels)}
    if (black, white) == (0, np.iinfo(dtype).max):
        return {}
    if 0 <= black and white <= 65535:
        return {_MAX_SAMPLE: (_SHORT, (round(white),) * channels)}
    return {_S_MIN: (_FLOAT, (black,) * channels), _S_MAX: (_FLOAT, (white,) * channels)}
