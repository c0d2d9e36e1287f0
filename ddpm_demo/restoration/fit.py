"""Which prior suits a picture, how it goes at it, and how large a picture may be.

Nothing here loads a network: a page can ask before anything runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import psutil

from ..checkpoints.library import CheckpointInfo
from ..errors import UserError

MAX_MEGAPIXELS = 200.0
MIN_SIDE_PX = 8
# Up to so many pixels, and so many of all chains together, a picture is restored at once; what is
# larger is restored in blocks, see `blocks`.
WHOLE_PIXELS = 4_000_000
WHOLE_CHAIN_PIXELS = 16_000_000
# What a picture in blocks needs, in bytes a pixel, and a pixel of each result besides.
BYTES_PER_BLOCK_PIXEL = 24
BYTES_PER_RESULT_PIXEL = 8
# What 16 bits need besides 8: of what went in, and of each result.
DEEP_BYTES_PER_PIXEL = 6
DEEP_BYTES_PER_RESULT_PIXEL = 6
# A large picture takes larger tiles: the overlap costs 1.2 times the picture instead of 1.4, for
# some hundredths of a decibel.
LARGE_TILE_PX = 256
LARGE_OVERLAP_PX = 32
# What one slice of a batch needs in the network, whatever the picture.
NETWORK_BYTES = 2 * 10**9

_share: ContextVar[float] = ContextVar("share", default=1.0)


@dataclass(frozen=True)
class Fit:
    """How a prior goes at a picture.

    Args:
        how: "whole"; "tiles" (overlapping, averaged at every step); "square": the middle of the
            picture is cut to a square and scaled to the prior's own size; or "reduced": it sees
            the whole picture reduced to a tile, and the result has the picture's own size.
        width, height: of the result, in pixels.
        tile_px, overlap_px: for "tiles".
        is_large: whether it comes together block by block.
    """

    how: str
    width: int
    height: int
    tile_px: int | None = None
    overlap_px: int | None = None
    is_large: bool = False


def fit(
    info: CheckpointInfo, width: int, height: int, multiple: int = 1, num_chains: int = 1
) -> Fit:
    """How the prior `info` goes at a result of width x height pixels.

    A prior of photographs knows texture: it takes a picture of any size, in tiles where its model
    card names them, whole otherwise. A prior of objects knows one whole thing at its own size: a
    face in tiles would be many faces, so that a picture of another size is squared to it.

    Args:
        info: of the checkpoint.
        width, height: of the result.
        multiple: sides of a squared result are multiples of this (the factor of super-resolution).
        num_chains: that will run side by side.
    """
    if info.prior != "photo":
        side = info.size_px // multiple * multiple
        return Fit("whole" if (width, height) == (side, side) else "square", side, side)
    pixels = width * height / _share.get()
    if pixels > WHOLE_PIXELS or pixels * num_chains > WHOLE_CHAIN_PIXELS:
        if info.tile_px is None:
            return Fit("tiles", width, height, LARGE_TILE_PX, LARGE_OVERLAP_PX, True)
        overlap_px = min(info.overlap_px or 0, info.tile_px - 1)
        return Fit("tiles", width, height, 2 * info.tile_px - overlap_px, overlap_px, True)
    if info.tile_px is None or max(width, height) <= info.tile_px:
        return Fit("whole", width, height)
    overlap_px = min(info.overlap_px or 0, info.tile_px - 1)
    return Fit("tiles", width, height, info.tile_px, overlap_px)


@contextmanager
def as_part_of(share: float) -> Iterator[None]:
    """Within this block a picture counts as that share of a larger one, and is gone at as that one
    would be: what it costs tells what that one costs."""
    token = _share.set(share)
    try:
        yield
    finally:
        _share.reset(token)


def share() -> float:
    """Of the picture that is meant, what the one at hand is; 1 outside of `as_part_of`."""
    return _share.get()


def suitable_checkpoint(checkpoints: Sequence[CheckpointInfo]) -> CheckpointInfo | None:
    """The checkpoint for a picture of one's own: the first of photographs; None for none.

    A size says nothing of what a picture shows: an icon of 64 x 64 is no face. Priors of objects
    are chosen, by the user or by an example.
    """
    return next((info for info in checkpoints if info.prior == "photo"), None)


def max_pixels(num_chains: int, is_deep: bool = False) -> int:
    """Pixels that a result may have when `num_chains` of it run side by side, of 16 bits where it
    is deep."""
    free = psutil.virtual_memory().available - NETWORK_BYTES
    needed = BYTES_PER_BLOCK_PIXEL + num_chains * BYTES_PER_RESULT_PIXEL
    if is_deep:
        needed += DEEP_BYTES_PER_PIXEL + num_chains * DEEP_BYTES_PER_RESULT_PIXEL
    by_memory = free / needed
    return int(min(MAX_MEGAPIXELS * 1e6, max(0.0, by_memory)))


def reduction(
    width: int, height: int, num_chains: int, reduce: bool, is_deep: bool = False
) -> float:
    """By how much the sides of a result must be reduced, at most 1; arguments as of `max_pixels`.

    Raises:
        UserError: above the limit and `reduce` is False.
    """
    limit = max_pixels(num_chains, is_deep)
    if width * height <= limit:
        return 1.0
    if not reduce:
        raise UserError(
            "restoration_too_large",
            "The result would have {megapixels} megapixels and {limit} is the limit here; reduce "
            "the picture, or ask for fewer results.",
            field="image",
            megapixels=f"{width * height / 1e6:.1f}",
            limit=f"{limit / 1e6:.1f}",
        )
    return math.sqrt(limit / (width * height))


def check_side(width: int, height: int) -> None:
    """Raise a `UserError` for a picture too small to say anything."""
    if min(width, height) < MIN_SIDE_PX:
        raise UserError(
            "restoration_too_small",
            "The picture is {width} x {height} pixels; give one of at least {side} x {side}.",
            field="image",
            width=width,
            height=height,
            side=MIN_SIDE_PX,
        )
