"""Recipes in EXIF and XMP, for files that have no text chunks of their own."""

from __future__ import annotations

import html
import re

from PIL import Image

from .metadata import EXIF_IFD, USER_COMMENT

NAME = "ddpm_demo"
_ASCII = b"ASCII\0\0\0"
_NAMESPACE = "https://ddpm-demo.invalid/recipe/1.0/"
_PACKET = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%'
    b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
_IN_XMP = re.compile(rb'ddpm_demo:recipe="([^"]*)"')


def put(recipe: str, exif: Image.Exif, xmp: bytes | None) -> bytes | None:
    """Put a recipe's JSON (ASCII) into EXIF's UserComment, or, where somebody's own comment is
    there, into XMP; the XMP that the file gets, None for none."""
    inner = exif.get_ifd(EXIF_IFD)
    theirs = inner.get(USER_COMMENT)
    if not theirs or _without_code(theirs).lstrip().startswith(b"{") or not _text_of(theirs):
        inner[USER_COMMENT] = _ASCII + f"{NAME} {recipe}".encode("ascii")
        return without(xmp)
    return _with_description(without(xmp), recipe)


def room(recipe: str | None) -> int:
    """Bytes that a recipe may take in XMP."""
    return 0 if recipe is None else len(_described(recipe)) + len(_PACKET) + 100


def find(exif: Image.Exif, xmp: bytes | None) -> str | None:
    """The JSON of the recipe in a file's EXIF or XMP; None for none."""
    try:
        comment = exif.get_ifd(EXIF_IFD).get(USER_COMMENT)
    except Exception:  # noqa: BLE001  broken EXIF data raise almost anything
        comment = None
    words = _text_of(comment)
    if words.startswith(f"{NAME} "):
        return words.removeprefix(f"{NAME} ")
    found = _IN_XMP.search(xmp or b"")
    return html.unescape(found[1].decode("utf-8", "replace")) if found else None


def clean(exif: Image.Exif) -> None:
    """Take a recipe of an earlier run out of UserComment; somebody's own comment stays."""
    inner = exif.get_ifd(EXIF_IFD)
    if _text_of(inner.get(USER_COMMENT)).startswith(f"{NAME} "):
        del inner[USER_COMMENT]


def without(xmp: bytes | None) -> bytes | None:
    """XMP without a recipe of an earlier run."""
    return _IN_XMP.sub(b"", xmp) if xmp else None


def _text_of(comment: object) -> str:
    if isinstance(comment, bytes):
        return _without_code(comment).decode("utf-8", "replace").strip("\0 ")
    return comment if isinstance(comment, str) else ""


def _without_code(comment: object) -> bytes:
    data = comment if isinstance(comment, bytes) else str(comment).encode()
    return data[8:] if data[:8] in (_ASCII, b"UNICODE\0", b"\0" * 8) else data


def _with_description(xmp: bytes | None, recipe: str) -> bytes:
    ours = _described(recipe)
    if xmp and b"</rdf:RDF>" in xmp:
        return xmp.replace(b"</rdf:RDF>", ours + b"</rdf:RDF>", 1)
    return _PACKET.replace(b"%", ours)


def _described(recipe: str) -> bytes:
    return (
        f'<rdf:Description rdf:about="" xmlns:ddpm_demo="{_NAMESPACE}" '
        f'ddpm_demo:recipe="{html.escape(recipe)}"/>'
    ).encode()
