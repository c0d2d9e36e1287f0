"""Files of unknown origin: which are opened at all, and how large a picture may be.

Everything here reads headers only: a bomb is refused before a pixel is decoded.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from PIL import Image, PngImagePlugin

from ..errors import UserError

# Of Pillow; HEIC is read by `heif`.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
MAX_PIXELS = 100_000_000
MAX_SIDE_PX = 65_535
MAX_SAMPLE_BYTES = 2**30
MAX_FILE_BYTES = 2**30
# Of a PNG's texts, unpacked; Pillow has 1 MiB a chunk, less than other programs write, and 64.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = MAX_TEXT_BYTES = 2**24

# What decoders are known to raise on broken files.
DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
    MemoryError,
)

ImageSource = Path | str | bytes | BinaryIO


def read_bytes(source: ImageSource) -> bytes:
    """The whole file.

    Args:
        source: path of a regular file, the bytes themselves, or an open binary file.

    Raises:
        UserError: no such file, none that is regular, or above `MAX_FILE_BYTES`.
    """
    if isinstance(source, bytes):
        return source
    try:
        if isinstance(source, Path | str):
            # A pipe or a device would be waited for without end.
            file = os.open(source, os.O_RDONLY | os.O_NONBLOCK)
            with open(file, "rb") as opened:
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode):
                    raise _missing(source)
                return _bounded(opened)
        source.seek(0)
        return _bounded(source)
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise _missing(source) from error


def _bounded(file: BinaryIO) -> bytes:
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UserError(
            "image_file_too_large",
            "The file is larger than {limit} MiB.",
            field="image",
            limit=MAX_FILE_BYTES >> 20,
        )
    return content


def _missing(source: object) -> UserError:
    return UserError(
        "image_missing",
        "The file “{file}” does not exist or cannot be read.",
        field="image",
        file=str(source),
    )


def open_header(
    source: ImageSource, formats: Sequence[str] = FORMATS, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Open a picture without decoding it, its size checked; the caller decodes it or not.

    Raises:
        UserError: no such file, not one of `formats`, broken header, more than `max_pixels`, or a
            side above `MAX_SIDE_PX`.
    """
    if isinstance(source, Path | str) and not os.path.isfile(source):
        raise _missing(source)
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        image = Image.open(file, formats=formats)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise _missing(source) from error
    except Image.DecompressionBombError as error:
        raise too_large(max_pixels) from error
    except DECODER_ERRORS as error:
        raise unreadable() from error
    check_size(image.width, image.height, max_pixels)
    return image


def check_size(
    width: int, height: int, max_pixels: int = MAX_PIXELS, bytes_a_pixel: int = 4
) -> None:
    """Raise a `UserError` for a picture that is too large or too long."""
    if min(width, height) < 1:
        raise unreadable()
    if width * height > max_pixels or width * height * bytes_a_pixel > MAX_SAMPLE_BYTES:
        raise too_large(max_pixels)
    if max(width, height) > MAX_SIDE_PX:
        raise UserError(
            "image_side_too_long",
            "The picture is {width} x {height} pixels; no side may have more than {limit}.",
            field="image",
            width=width,
            height=height,
            limit=MAX_SIDE_PX,
        )


def too_large(max_pixels: int) -> UserError:
    """The error for more pixels than are taken."""
    return UserError(
        "image_too_large",
        "The picture has more than {limit} million pixels; make it smaller first.",
        field="image",
        limit=max_pixels // 10**6,
    )


def unreadable() -> UserError:
    """The error for what is no picture, or a damaged one."""
    return UserError(
        "image_unreadable",
        "The file is not a picture that can be read, or it is damaged; use PNG, JPEG, WebP, BMP, "
        "TIFF, GIF, AVIF or HEIC.",
        field="image",
    )
