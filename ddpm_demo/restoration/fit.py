"""Which prior suits a picture, how it goes at it, and how large a picture may be.

Nothing here loads a network: a page can ask before anything runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from ..checkpoints.library import CheckpointInfo
from ..errors import UserError

MAX_MEGAPIXELS = 4.0
# All chains of a run together.
MAX_CHAIN_MEGAPIXELS = 16.0
MIN_SIDE_PX = 8
# What a run needs beside the loaded network, in bytes a pixel of all its chains together.
BYTES_PER_PIXEL = 400
# What one slice of a batch needs in the network, whatever the picture.
NETWORK_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Fit:
    """How a prior goes at a picture.

    Args:
        how: "whole"; "tiles" (overlapping, averaged at every step); or "square": the middle of the
            picture is cut to a square and scaled to the prior's own size.
        width, height: of the result, in pixels.
        tile_px, overlap_px: for "tiles".
    """

    how: str
    width: int
    height: int
    tile_px: int | None = None
    overlap_px: int | None = None


def fit(info: CheckpointInfo, width: int, height: int, multiple: int = 1) -> Fit:
    """How the prior `info` goes at a result of width x height pixels.

    A prior of photographs knows texture: it takes a picture of any size, in tiles where its model
    card names them, whole otherwise. A prior of objects knows one whole thing at its own size: a
    face in tiles would be many faces, so that a picture of another size is squared to it.

    Args:
        info: of the checkpoint.
        width, height: of the result.
        multiple: sides of a squared result are multiples of this (the factor of super-resolution).
    """
    if info.prior != "photo":
        side = info.size_px // multiple * multiple
        return Fit("whole" if (width, height) == (side, side) else "square", side, side)
    if info.tile_px is None or max(width, height) <= info.tile_px:
        return Fit("whole", width, height)
    overlap_px = min(info.overlap_px or 0, info.tile_px - 1)
    return Fit("tiles", width, height, info.tile_px, overlap_px)


def suitable_checkpoint(
    width: int, height: int, checkpoints: Sequence[CheckpointInfo]
) -> CheckpointInfo | None:
    """The checkpoint that suits a result of that size: of the objects with just that size, the
    first; of photographs otherwise; None where there is none of either."""
    for info in checkpoints:
        if info.prior != "photo" and (width, height) == (info.size_px, info.size_px):
            return info
    return next((info for info in checkpoints if info.prior == "photo"), None)


def max_pixels(num_chains: int) -> int:
    """Pixels that a result may have when `num_chains` of it run side by side."""
    free = psutil.virtual_memory().available - NETWORK_BYTES
    by_memory = max(0.0, free / BYTES_PER_PIXEL / num_chains)
    return int(min(MAX_MEGAPIXELS * 1e6, MAX_CHAIN_MEGAPIXELS * 1e6 / num_chains, by_memory))


def reduction(width: int, height: int, num_chains: int, reduce: bool) -> float:
    """By how much the sides of a result must be reduced, at most 1.

    Raises:
        UserError: above the limit and `reduce` is False.
    """
    limit = max_pixels(num_chains)
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
