"""TIFF files of more than 8 bits, through tifffile and imagecodecs; Pillow has the others."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .opening import DECODER_ERRORS, check_size, unreadable

_PLAIN_PHOTOMETRIC = {0, 1, 2}  # white is zero, black is zero, RGB
_ASSOCIATED = 1
_EXTRA_IS_ALPHA = {1, 2}


@dataclass(frozen=True)
class DeepPixels:
    """Samples as a TIFF has them.

    Args:
        samples: [H, W, C], grey or RGB, of the file's own type.
        alpha: [H, W] of the same type; None for none.
        told: (black, white) by the tags, None where they say nothing.
        bits: of a sample, by its tag.
        is_premultiplied: the colours are multiplied by alpha.
        is_inverted: small values are bright.
        frames: how many pictures the file holds.
    """

    samples: np.ndarray
    alpha: np.ndarray | None
    told: tuple[float, float] | None
    bits: int
    is_premultiplied: bool = False
    is_inverted: bool = False
    frames: int = 1


def read(content: bytes, frame: int, max_pixels: int) -> DeepPixels | None:
    """The samples of a grey or RGB file of more than 8 bits; None for any other TIFF.

    Raises:
        UserError: damaged or too large.
        EOFError: there is no such frame.
    """
    import tifffile

    try:
        # The file and its pages hold each other; the content is let go of all the same.
        with io.BytesIO(content) as file, tifffile.TiffFile(file) as opened:
            try:
                page = opened.pages[frame]
            except IndexError as error:
                raise (EOFError() if frame else unreadable()) from error
            bits = int(np.max(page.bitspersample))
            if bits <= 8 or int(page.photometric) not in _PLAIN_PHOTOMETRIC:
                return None
            channels = page.samplesperpixel
            check_size(
                page.imagewidth, page.imagelength, max_pixels, channels * math.ceil(bits / 8)
            )
            if page.imagedepth != 1 or page.dtype is None:
                raise unreadable()
            values = page.asarray()
            if page.planarconfig == 2 and channels > 1:
                values = np.moveaxis(values.reshape(channels, *values.shape[-2:]), 0, -1)
            values = values.reshape(page.imagelength, page.imagewidth, channels)
            return replace(_sorted(values, page, bits), frames=_num_pages(opened))
    except EOFError:
        raise
    except DECODER_ERRORS as error:
        if type(error).__name__ == "UserError":
            raise
        raise unreadable() from error


def _num_pages(opened: Any) -> int:  # noqa: ANN401  a TiffFile
    try:
        return len(opened.pages)
    except DECODER_ERRORS:  # a page behind the one that is wanted does not matter
        return 1


def _sorted(values: np.ndarray, page: Any, bits: int) -> DeepPixels:  # noqa: ANN401  a TiffPage
    if values.dtype.kind not in "uif":
        raise unreadable()
    num_colours = 3 if int(page.photometric) == 2 else 1
    if values.shape[-1] < num_colours:
        raise unreadable()
    extras = [int(extra) for extra in page.extrasamples or ()]
    has_alpha = values.shape[-1] > num_colours and bool(extras) and extras[0] in _EXTRA_IS_ALPHA
    alpha = np.ascontiguousarray(values[..., num_colours]) if has_alpha else None
    return DeepPixels(
        np.ascontiguousarray(values[..., :num_colours]),
        alpha,
        _told_range(page, values.dtype, bits),
        bits,
        has_alpha and extras[0] == _ASSOCIATED,
        int(page.photometric) == 0,
    )


def _told_range(page: Any, dtype: np.dtype, bits: int) -> tuple[float, float] | None:  # noqa: ANN401
    """Black and white by SMinSampleValue and SMaxSampleValue, MinSampleValue and MaxSampleValue,
    DNG's BlackLevel and WhiteLevel, or by bits that no whole type has."""
    low = _number(page, "SMinSampleValue", "MinSampleValue", "BlackLevel")
    high = _number(page, "SMaxSampleValue", "MaxSampleValue", "WhiteLevel")
    if high is not None and math.isfinite(high) and high > (low or 0):
        return (low or 0.0, high)
    if dtype.kind == "u" and bits not in (16, 32, 64):
        return (0.0, 2.0**bits - 1)
    return None


def _number(page: Any, *names: str) -> float | None:  # noqa: ANN401  a TiffPage
    for name in names:
        tag = page.tags.get(name)
        if tag is None:
            continue
        value = np.ravel(tag.value)
        if tag.dtype in (5, 10) and value.size >= 2:  # rationals are pairs
            return float(value[0]) / float(value[1]) if value[1] else None
        if value.size:
            return float(value[0])
    return None
