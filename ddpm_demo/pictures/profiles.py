"""Colours: from a file's own profile to sRGB and back (little CMS, through ImageCms for 8 bits
and imagecodecs for more)."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from .icc import (
    BT_2020_PRIMARIES,
    D65,
    P3_PRIMARIES,
    SRGB_PRIMARIES,
    Chromaticity,
    matrix_profile,
)
from .photograph import strips

MAX_PROFILE_BYTES = 4 * 2**20
# What a display does with a PNG that says nothing else (PNG specification, 13.13).
_SRGB_GAMMA = 1 / 2.2
# Code points of BT.709, not told, BT.601, sRGB and BT.2020.
_DISPLAY_CURVES = (1, 2, 6, 13, 14, 15)
# cmsFLAGS_NOOPTIMIZE: the table that would stand for the curves is several levels off in the dark.
_EXACTLY = 0x0100


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """The ICC profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@lru_cache(maxsize=32)
def colour_space(profile: bytes) -> str:
    """ "RGB", "GRAY", "CMYK" ... of a profile; "" for what is none."""
    if not 128 < len(profile) <= MAX_PROFILE_BYTES:
        return ""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return opened.profile.xcolor_space.strip()
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return ""


@lru_cache(maxsize=32)
def is_srgb(profile: bytes) -> bool:
    """Whether the profile changes no colour by more than one 8-bit level."""
    space = colour_space(profile)
    if space == "GRAY":
        ramp = _grey_table(profile, 256)
        return bool(np.abs(ramp / 257.0 - np.arange(256)).max() <= 1)
    if space != "RGB":
        return False
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 18, 3)
    try:
        seen = np.asarray(to_srgb_8_bit(Image.fromarray(cube), profile))
    except ImageCms.PyCMSError:
        return False
    return bool(np.abs(seen.astype(int) - cube).max() <= 1)


def to_srgb_8_bit(image: Image.Image, profile: bytes) -> Image.Image:
    """An 8-bit picture of mode RGB, CMYK or LAB with its profile as RGB in sRGB.

    Raises:
        ImageCms.PyCMSError: the profile does not suit.
    """
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")


def to_srgb(own: np.ndarray, profile: bytes) -> np.ndarray:
    """[H, W] or [H, W, 3], uint8 or uint16, as the same in sRGB.

    Raises:
        ValueError: the profile does not suit.
    """
    if own.ndim == 2:
        table = _grey_table(profile, np.iinfo(own.dtype).max + 1)
        if own.dtype == np.uint8:
            table = np.rint(table / 257).astype(np.uint8)
        return table[own]
    if own.dtype == np.uint16:
        return _transformed(own, profile, srgb_profile())
    result = np.empty_like(own)
    try:
        for rows in strips(len(own)):
            result[rows] = np.asarray(to_srgb_8_bit(Image.fromarray(own[rows]), profile))
    except ImageCms.PyCMSError as error:
        raise ValueError("the profile does not suit") from error
    return result


def from_srgb(colour: np.ndarray, profile: bytes) -> np.ndarray:
    """uint16 [H, W] or [H, W, 3] in sRGB as the same in the colours of a profile.

    Raises:
        ValueError: the profile has no way back.
    """
    if colour.ndim == 3:
        return _transformed(colour, srgb_profile(), profile)
    seen = _grey_table(profile, 65536).astype(np.float64)
    if np.any(np.diff(seen) < 0) or seen[-1] <= seen[0]:
        raise ValueError("the profile has no way back")
    back = np.interp(np.arange(65536), seen, np.arange(65536))
    return np.rint(back).astype(np.uint16)[colour]


def profile_of_code_points(primaries: int, transfer: int | None = None) -> bytes | None:
    """The profile that the code points of a PNG's cICP or a HEIC stand for (ITU-T H.273); None
    where that is sRGB. The curves of cameras and sRGB's are taken for one, as displays do.

    Args:
        primaries: 1 of sRGB, 9 of BT.2020, 12 of Display P3; 2 for not told.
        transfer: the curve; None for not told.

    Raises:
        ValueError: other primaries, or the curve of a high dynamic range.
    """
    known = {1: None, 2: None, 9: BT_2020_PRIMARIES, 12: P3_PRIMARIES}
    if primaries not in known or transfer not in (None, *_DISPLAY_CURVES):
        raise ValueError("no colours that are known here")
    corners = known[primaries]
    return None if corners is None else matrix_profile(corners)


def profile_of_numbers(gamma: float | None, points: tuple[float, ...] | None) -> bytes | None:
    """The profile that a PNG's gAMA and cHRM stand for; None where that is sRGB.

    Args:
        gamma: of the file (0.45455 for a display's 2.2); None for none.
        points: CIE x and y of white, red, green and blue; None for none.

    Raises:
        ValueError: numbers that mean no colours.
    """
    primaries: tuple[Chromaticity, ...] = SRGB_PRIMARIES
    white = D65
    if points is not None:
        white, *rest = zip(points[::2], points[1::2], strict=True)
        primaries = tuple(rest)
    usual = np.abs(np.array([white, *primaries]) - np.array([D65, *SRGB_PRIMARIES])).max() < 2e-3
    plain = gamma is None or abs(gamma - _SRGB_GAMMA) < 5e-3
    if usual and plain:
        return None
    if gamma is not None and gamma <= 0:
        raise ValueError("no gamma")
    return matrix_profile(primaries, white, None if plain else 1 / gamma)


def _transformed(values: np.ndarray, source: bytes, target: bytes) -> np.ndarray:
    import imagecodecs

    result = np.empty_like(values)
    try:
        for rows in strips(len(values)):
            result[rows] = imagecodecs.cms_transform(
                np.ascontiguousarray(values[rows]),
                source,
                target,
                colorspace="rgb",
                outcolorspace="rgb",
                outdtype=values.dtype,
                flags=_EXACTLY,
            )
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError("the profile does not suit") from error
    return result


@lru_cache(maxsize=16)
def _grey_table(profile: bytes, num_levels: int) -> np.ndarray:
    """What each level of grey is in sRGB, uint16 [num_levels]."""
    import imagecodecs

    ramp = np.rint(np.linspace(0, 65535, num_levels)).astype(np.uint16)[None]
    is_grey = colour_space(profile) == "GRAY"
    try:
        seen = imagecodecs.cms_transform(
            ramp if is_grey else np.stack([ramp] * 3, -1),
            profile,
            srgb_profile(),
            colorspace="gray" if is_grey else "rgb",
            outcolorspace="rgb",
            outdtype=np.uint16,
        )
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError("the profile does not suit") from error
    return seen[0, :, 1]
