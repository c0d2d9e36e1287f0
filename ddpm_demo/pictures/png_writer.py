"""PNG files of 16 bits a sample, which Pillow cannot write in colour."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np

from .embedded import NAME

_METRES_PER_INCH = 0.0254
_HEAD_BYTES = 33  # signature and IHDR


def write_16_bit(
    samples: np.ndarray,
    profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    recipe: str | None = None,
    dpi: tuple[float, float] | None = None,
    words: Mapping[str, str] | None = None,
) -> bytes:
    """The file of uint16 samples [H, W, C]: grey, grey and alpha, RGB or RGBA.

    Args:
        samples: the pixels.
        profile, exif, xmp: as they go into the file.
        recipe: JSON in ASCII, for the text chunk of this program.
        dpi: dots per inch, across and down.
        words: texts by their keyword, such as "Author".
    """
    import imagecodecs

    plain = samples[..., 0] if samples.shape[-1] == 1 else samples
    content = imagecodecs.png_encode(np.ascontiguousarray(plain), level=6)
    chunks = []
    if profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    if dpi:
        across, down = (round(value / _METRES_PER_INCH) for value in dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    for name, said in (words or {}).items():
        chunks.append((b"iTXt", name.encode("latin-1") + b"\0\0\0\0\0" + said.encode()))
    if recipe:
        chunks.append((b"tEXt", NAME.encode() + b"\0" + recipe.encode("ascii")))
    whole = memoryview(content)  # no copy of it but in the file
    parts = (_chunk(*chunk) for chunk in chunks)
    return b"".join((whole[:_HEAD_BYTES], *parts, whole[_HEAD_BYTES:]))


def _chunk(name: bytes, data: bytes) -> bytes:
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
