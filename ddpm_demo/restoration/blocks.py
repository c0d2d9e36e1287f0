"""A large picture in large blocks, each restored by the engine and blended with its neighbours.

A block is a whole number of the network's tiles and overlaps the next one by as much as tiles do,
so that the blocks of a denoised picture are its tiles, taken in groups: no seams, bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .blend import Restoration
from .canvas import Canvas
from .cutting import MAX_CHAIN_PIXELS
from .effort import tiled_pixels
from .fit import Fit
from .pieces import Piece, Pieces
from .window import Window

# Sides of a block, of a run with one chain.
MAX_BLOCK_PX = 1216


def in_blocks(
    canvas: Canvas,
    fit: Fit,
    num_chains: int,
    num_steps: int,
    make: Callable[[Window], Restoration],
    context_px: int = 0,
    multiple: int = 1,
) -> Pieces:
    """A restoration of a whole picture, block by block.

    Args:
        canvas: of the result.
        fit: how the prior goes at it, "tiles".
        num_chains: that run side by side.
        num_steps: of the restoration of a block.
        make: the restoration of a window, whose pictures have the window's size.
        context_px: surroundings of a block that are restored with it and thrown away, beside the
            overlap.
        multiple: sides and places of windows are multiples of this.
    """
    width, height = canvas.size
    overlap = -(-(fit.overlap_px or 0) // multiple) * multiple
    context = -(-context_px // multiple) * multiple
    # With many chains and a wide blur a block could be nothing but context: what is kept of it is
    # a tile, and half of its side, at least, so that the work stays in proportion.
    side = max(block_side(fit, num_chains) - 2 * context, fit.tile_px or 0, 2 * context)
    side = max(side, overlap + multiple)
    rows = spans(height, side, overlap, multiple)
    columns = spans(width, side, overlap, multiple)
    pieces = []
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            inner = Window(top, left, bottom - top, right - left)
            outer = _grown(inner, context, height, width)
            above = rows[i - 1][1] - top if i else 0
            before = columns[j - 1][1] - left if j else 0
            down, across = (
                _ramp(inner.height, above, multiple),
                _ramp(inner.width, before, multiple),
            )
            pixels = tiled_pixels(outer.height, outer.width, fit.tile_px, fit.overlap_px or 0)
            pieces.append(
                Piece(
                    inner,
                    lambda down=down, across=across: down[:, None] * across,
                    lambda w=outer: make(w),
                    num_steps,
                    inner.within(outer),
                    effort=num_steps * num_chains * pixels,
                )
            )
    return Pieces(canvas, pieces)


def block_side(fit: Fit, num_chains: int) -> int:
    """Pixels along a block: as many whole tiles as the memory for the chains allows."""
    most = min(MAX_BLOCK_PX, int((MAX_CHAIN_PIXELS / max(1, num_chains)) ** 0.5))
    tile, overlap = fit.tile_px or most, fit.overlap_px or 0
    count = max(1, (most - overlap) // (tile - overlap))
    return count * (tile - overlap) + overlap


def spans(length: int, side: int, overlap: int, multiple: int = 1) -> list[tuple[int, int]]:
    """(start, end) of blocks that cover [0, length), each `side` long but the last, which may be
    shorter; neighbours share at least `overlap`. Starts are multiples.

    Raises:
        ValueError: blocks that overlap wholly, and would never come to an end.
    """
    if side < overlap + multiple:
        raise ValueError(f"blocks of {side} pixels cannot overlap by {overlap}")
    step = max(multiple, (side - overlap) // multiple * multiple)
    found, start = [], 0
    while True:
        end = min(length, start + step + overlap)
        # A last block too short for a tile takes what it lacks from the one before.
        if end == length and found and end - start < side // 4:
            start = max(0, (length - side // 4) // multiple * multiple)
        found.append((start, end))
        if end == length:
            return found
        start += step


def _grown(window: Window, context: int, height: int, width: int) -> Window:
    top, left = max(0, window.top - context), max(0, window.left - context)
    bottom, right = min(height, window.bottom + context), min(width, window.right + context)
    return Window(top, left, bottom - top, right - left)


def _ramp(length: int, shared: int, multiple: int) -> np.ndarray:
    """What a block counts along one side: rising over what it shares with the one before; constant
    over each multiple, so that means over squares stay what they were."""
    steps = shared // multiple
    ramp = np.ones(length, np.float32)
    rising = (np.arange(steps, dtype=np.float32) + 1) / (steps + 1)
    ramp[: steps * multiple] = rising.repeat(multiple)
    return ramp


def sample_windows(
    height: int, width: int, side: int = 512, count: int = 3, multiple: int = 1
) -> list[Window]:
    """Squares of a picture, `count` along each side at most, evenly spread, for estimates; their
    corners lie on multiples."""

    def starts(length: int) -> list[int]:
        if length <= side:
            return [0]
        number = min(count, -(-length // side))
        evenly = [round(k * (length - side) / (number - 1)) for k in range(number)]
        return [start // multiple * multiple for start in evenly]

    return [
        Window(top, left, min(side, height), min(side, width))
        for top in starts(height)
        for left in starts(width)
    ]
