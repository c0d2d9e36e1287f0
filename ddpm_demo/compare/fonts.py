"""A font for captions: one of this machine that has all of a text's characters."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# By file name, which Pillow looks up where the system keeps fonts; Linux, Windows and macOS.
_LATIN = ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "segoeui.ttf", "Arial.ttf", "Helvetica.ttc")
_CHINESE = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "msyh.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "NotoSerifCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "simsun.ttc",
    "Arial Unicode.ttf",
)
# The Chinese face within a collection that has one for each language.
_CHINESE_FACE = {"NotoSansCJK-Regular.ttc": 2, "NotoSerifCJK-Regular.ttc": 2}
_NO_CHARACTER = "\U0010fffe"


def font_for(texts: Iterable[str], size_px: int) -> Font | None:
    """The first font that has all characters of the texts; None where none has."""
    wanted = frozenset("".join(texts)) - {" ", "\n"}
    for name in (*_LATIN, *_CHINESE, ""):
        font = _load(name, size_px)
        if font is not None and all(_has(name, character) for character in wanted):
            return font
    return None


def any_font(size_px: int) -> Font:
    """Pillow's own, which is always there."""
    return ImageFont.load_default(size_px)


@lru_cache(maxsize=64)
def _load(name: str, size_px: int) -> Font | None:
    if not name:
        return any_font(size_px)
    try:
        return ImageFont.truetype(name, size_px, index=_CHINESE_FACE.get(name, 0))
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _has(name: str, character: str) -> bool:
    font = _load(name, 16)
    return font is not None and _drawn(font, character) != _drawn(font, _NO_CHARACTER)


def _drawn(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)
