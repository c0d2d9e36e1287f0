"""What the numbers of deep files mean: which value is black and which is white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from .photograph import strips

# Of so many pixels at least the range is read where no tag says it; the rest are highlights.
_SHARE = 0.99
_FEW_BITS = (10, 12, 14)
_SAMPLES = 2_000_000


@dataclass(frozen=True)
class Range:
    """Values of a file that mean black and white.

    Args:
        black, white: in the file's own numbers.
        bits: that the samples really have.
        note: what was guessed, None where nothing was.
    """

    black: float
    white: float
    bits: int
    note: UserError | None = None


def find_range(values: np.ndarray, told: tuple[float, float] | None = None) -> Range:
    """The range of samples, by what the file told or by the bulk of its pixels.

    Args:
        values: of any integer or float type.
        told: (black, white) by the file's tags, None where it has none.
    """
    kind = values.dtype.kind
    bits = 32 if kind == "f" else 8 * values.dtype.itemsize
    if told is not None and told[1] > told[0]:
        return Range(*told, bits if kind == "f" else max(1, int(told[1])).bit_length())
    if values.dtype == np.uint8:
        return Range(0, 255, 8)
    sample = values.reshape(-1)
    sample = sample[:: max(1, sample.size // _SAMPLES)]
    if kind == "f":
        sample = sample[np.isfinite(sample)]
    if not sample.size:
        return Range(0, 1, bits)
    if values.dtype == np.uint16:
        return _of_16_bits(int(values.max()))
    return _of_bulk(sample, kind == "f", bits)


def _of_16_bits(top: int) -> Range:
    """Samples of cameras and microscopes have ten, twelve or fourteen bits in sixteen."""
    for bits in _FEW_BITS:
        white = 2**bits - 1
        # A dark picture of 16 bits may stay below a quarter; with 14 only a full one is sure.
        if white // 4 < top <= white and (bits < 14 or top >= 0.98 * white):
            return Range(0, white, bits, _note(f"{bits}", 0, white))
    return Range(0, 65535, 16)


def _of_bulk(sample: np.ndarray, is_float: bool, bits: int) -> Range:
    top = float(np.quantile(sample, _SHARE, method="higher"))
    low = float(np.quantile(sample, 1 - _SHARE, method="lower"))
    brightest = float(sample.max())
    black = 0.0
    if is_float and -1.01 <= low < -0.02 and top <= 1.01:
        black, white = -1.0, 1.0
    elif is_float and top <= 1.001:
        white = 1.0
    elif top <= 255 and not (is_float and top <= 16):
        white = 255.0
    elif 255 < top <= 65535:
        white = 65535.0
    else:
        white = float(np.quantile(sample, 0.999, method="higher"))
    sure = black == 0 and white in (1.0, 255.0, 65535.0) and brightest <= white
    return Range(black, white, bits, None if sure else _note(f"{bits}", black, white))


def _note(bits: str, black: float, white: float) -> UserError:
    return UserError(
        "note_range_guessed",
        "The file does not say which values are black and white; {black} to {white} are taken "
        "for them.",
        field="image",
        bits=bits,
        black=f"{black:g}",
        white=f"{white:g}",
    )


def scaled(values: np.ndarray, found: Range) -> np.ndarray:
    """Samples as uint16, black at 0 and white at 65535; what lies outside is clipped."""
    if values.dtype == np.uint16 and (found.black, found.white) == (0, 65535):
        return values
    result = np.empty(values.shape, np.uint16)
    for rows in strips(len(values)):
        part = np.nan_to_num(values[rows].astype(np.float64), posinf=found.white)
        part = (part - found.black) * (65535 / (found.white - found.black))
        result[rows] = np.rint(part.clip(0, 65535))
    return result


def unscaled(values: np.ndarray, black: float, white: float, dtype: np.dtype) -> np.ndarray:
    """uint16 values from 0 to 65535 as samples of a file in its own numbers."""
    result = np.empty(values.shape, dtype)
    for rows in strips(len(values)):
        part = values[rows] * ((white - black) / 65535) + black
        result[rows] = part if np.dtype(dtype).kind == "f" else np.rint(part)
    return result
