"""HEIC and HEIF through pillow-heif, where it is installed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UserError
from . import profiles
from .opening import DECODER_ERRORS, check_size, unreadable

if TYPE_CHECKING:
    from PIL import Image

BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def is_heif(content: bytes) -> bool:
    """Whether the file says that it is HEIC or HEIF (AVIF has its own brand)."""
    if content[4:8] != b"ftyp":
        return False
    size = min(int.from_bytes(content[:4], "big"), 256)
    brands = [content[8:12], *(content[i : i + 4] for i in range(16, size, 4))]
    return b"avif" not in brands and b"avis" not in brands and any(b in BRANDS for b in brands)


def plugin() -> Any:  # noqa: ANN401  a module that may be missing
    """The module pillow_heif.

    Raises:
        UserError: it is not installed.
    """
    try:
        import pillow_heif
    except ImportError as error:
        raise UserError(
            "heic_plugin_missing",
            "HEIC pictures need the package pillow-heif; install it with pip install pillow-heif.",
            field="image",
        ) from error
    return pillow_heif


def read(content: bytes, max_pixels: int) -> tuple[np.ndarray, dict[str, Any]]:
    """([H, W, C] uint8 or uint16 over their full range, upright; what the file said).

    Raises:
        UserError: no plug-in, damaged or too large.
    """
    heif = plugin()
    try:
        opened = heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=False)
        check_size(*opened.size, max_pixels, bytes_a_pixel=8)
        pixels = np.array(np.asarray(opened))
    except UserError:
        raise
    except DECODER_ERRORS as error:
        raise unreadable() from error
    facts = dict(opened.info)
    facts["premultiplied"] = "a" in opened.mode
    facts["num_frames"] = len(opened)
    return (pixels[..., None] if pixels.ndim == 2 else pixels), facts


def profile_of(facts: dict[str, Any]) -> bytes | None:
    """The profile of a file that names its colours by code points; None for sRGB's."""
    named = facts.get("nclx_profile") or {}
    try:
        return profiles.profile_of_code_points(named.get("color_primaries", 2))
    except ValueError:
        return None


def write(image: Image.Image, file: io.BytesIO, **options: Any) -> None:  # noqa: ANN401
    """Save a picture of 8 bits as HEIC; options are those of pillow-heif's `save`.

    Raises:
        UserError: no plug-in.
    """
    plugin().from_pillow(image).save(file, **options)
