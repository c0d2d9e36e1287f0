"""A JPEG's coded pixels as they are in another file: what was left as it was loses nothing.

To code again costs, with the same tables, too: chroma is spread out and gathered again.
"""

from __future__ import annotations

import re

# Markers by their second byte: end, start of the coded pixels, and those without a length.
_END, _SCAN = 0xD9, 0xDA
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_APP0, _APP1, _APP2, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEF, 0xFE
_ADOBE = 0xEE  # says which colours the numbers are
_PROFILE, _JFIF = b"ICC_PROFILE\0", b"JFIF\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_LONGEST = 65_533
# In coded pixels 0xFF stands before 0 or a restart's number; anything else is a marker.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def with_metadata(content: bytes, exif: bytes | None, xmp: bytes | None) -> bytes | None:
    """The first picture of a JPEG file with other EXIF and XMP data; profile, density and pixels
    are as they were. None where the file is not built as the standard has it.

    Args:
        content: the file.
        exif: with or without "Exif" in front; None for none.
        xmp: a packet; None for none.
    """
    if exif is not None and not exif.startswith(b"Exif\0\0"):
        exif = b"Exif\0\0" + exif
    added = [body for body in (exif, _XMP + xmp if xmp else None) if body is not None]
    if any(len(body) > _LONGEST for body in added) or content[:2] != b"\xff\xd8":
        return None
    parts, place, is_told = [b"\xff\xd8"], 2, False
    while place + 2 <= len(content) and content[place] == 0xFF:
        kind = content[place + 1]
        if kind == 0xFF:  # fills up
            place += 1
            continue
        if kind == _END:
            return b"".join([*parts, b"\xff\xd9"])
        if kind in _BARE:
            return None
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if kind != _APP0 and not is_told:  # EXIF stands first but for JFIF's own segment
            parts += [_segment(_APP1, body) for body in added]
            is_told = True
        if _stays(kind, content[place + 4 : end]):
            parts.append(content[place:end])
        place = end
        if kind == _SCAN:
            found = _MARKER.search(content, place)
            if found is None:
                return None
            parts.append(content[place : found.start()])
            place = found.start()
    return None


def _stays(kind: int, body: bytes) -> bool:
    if kind == _ADOBE:
        return True
    if kind == _APP0:
        return body.startswith(_JFIF)  # and not a preview, which JFIF has in a segment of its own
    if kind == _APP2:
        return body.startswith(_PROFILE)
    return not (_APP1 <= kind <= _APP15 or kind == _COMMENT)


def _segment(kind: int, body: bytes) -> bytes:
    return bytes((0xFF, kind)) + (len(body) + 2).to_bytes(2, "big") + body
