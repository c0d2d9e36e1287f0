"""XMP packets: the orientation that they tell, and what must not go on to a result."""

from __future__ import annotations

import re

_ORIENTATION = re.compile(rb"""(<tiff:Orientation>\s*|tiff:Orientation\s*=\s*["']\s*)([1-8])""")
# Small pictures of what the file showed before: a person who was painted out is still in them.
_THUMBNAILS = re.compile(rb"<(xmp|xap):Thumbnails\b.*?</\1:Thumbnails>", re.DOTALL)


def orientation(xmp: bytes | None) -> int | None:
    """EXIF's number, 1 to 8, where the packet tells one."""
    found = _ORIENTATION.search(xmp or b"")
    return int(found[2]) if found else None


def carried(xmp: bytes | None) -> bytes | None:
    """The packet that goes on to a result, whose pixels are upright: it says so, as EXIF does
    (programs that find nothing in EXIF believe it), and has no thumbnails."""
    if not xmp:
        return None
    return _THUMBNAILS.sub(b"", _ORIENTATION.sub(rb"\g<1>1", xmp))
