"""Where the holes of a picture are, and how they are cut out: each with what it needs.

Inpainting then costs what its holes cost, whatever the picture's size. Only masks are looked at
here, as arrays of one byte a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .window import Window

# Surroundings that a hole is cut out with; more adds nothing (benchmarks/holes.py --margins).
MARGIN_PX = 18
# Sides of what is filled at a time.
MAX_BOX_PX = 384
# Pixels of all chains of a cut together.
MAX_CHAIN_PIXELS = 2.5e6
CELL_PX = 8


@dataclass(frozen=True)
class Cut:
    """A hole, or a part of a large one.

    Args:
        box: the smallest window that holds it.
        own: bool [box.height, box.width], True where it is to be filled; holes nearby that are
            other cuts' are False.
        width_px: from rim to rim where the hole around is widest.
    """

    box: Window
    own: np.ndarray
    width_px: float


def find_cuts(hole: np.ndarray, num_chains: int, margin_px: int = MARGIN_PX) -> list[Cut]:
    """The cuts of a hole, bool [H, W], from top to bottom; together they fill it, each pixel once.

    Holes nearer to each other than twice the margin are cut out together; what is wider or higher
    than can be filled at once is cut into parts.

    Args:
        hole: True = to fill.
        num_chains: that will run side by side.
        margin_px: surroundings that each is cut out with.
    """
    labels, boxes = _groups(hole, 2 * margin_px)
    side = int((MAX_CHAIN_PIXELS / max(1, num_chains)) ** 0.5) - 2 * margin_px
    side = max(CELL_PX, min(MAX_BOX_PX, side) // CELL_PX * CELL_PX)
    cuts = []
    for label, box in enumerate(boxes, start=1):
        for part in _parts(box, side):
            own = _of_label(hole, labels, part, label)
            if own.any():
                cuts.append(_shrunk(part, own, hole, margin_px))
    return cuts


def _groups(hole: np.ndarray, near_px: int) -> tuple[np.ndarray, list[Window]]:
    """Labels [cells, cells] from 1 of holes that are near each other, and what holds each."""
    height, width = hole.shape
    rows, columns = (-(-side // CELL_PX) for side in hole.shape)
    cells = np.zeros((rows, columns), bool)
    starts = np.arange(0, width, CELL_PX)
    for row in range(rows):
        strip = hole[row * CELL_PX : (row + 1) * CELL_PX].any(0)
        cells[row] = np.logical_or.reduceat(strip, starts)
    labels, found = _labelled(cells, max(1, near_px // CELL_PX))
    boxes = []
    for top, left, bottom, right in found:
        top, left, bottom, right = (CELL_PX * side for side in (top, left, bottom, right))
        boxes.append(Window(top, left, min(bottom, height) - top, min(right, width) - left))
    return labels, boxes


def _labelled(cells: np.ndarray, near: int) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Labels from 1 of cells that are at most `near` from the next one of theirs, and the top,
    left, bottom and right of each."""
    labels, boxes = np.zeros(cells.shape, np.int32), []
    for row, column in zip(*np.nonzero(cells), strict=True):
        if labels[row, column]:
            continue
        label, front = len(boxes) + 1, [(row, column)]
        labels[row, column] = label
        top, left, bottom, right = row, column, row + 1, column + 1
        while front:
            i, j = front.pop()
            top, left, bottom, right = (
                min(top, i),
                min(left, j),
                max(bottom, i + 1),
                max(right, j + 1),
            )
            up, back = max(0, i - near), max(0, j - near)
            around = slice(up, i + near + 1), slice(back, j + near + 1)
            fresh = cells[around] & (labels[around] == 0)
            if fresh.any():
                labels[around][fresh] = label
                rows, columns = np.nonzero(fresh)
                front.extend(zip((rows + up).tolist(), (columns + back).tolist(), strict=True))
        boxes.append((int(top), int(left), int(bottom), int(right)))
    return labels, boxes


def _parts(box: Window, side: int) -> list[Window]:
    """A box in parts of at most side x side, about equally large, in whole cells."""

    def spans(start: int, length: int) -> list[tuple[int, int]]:
        count = -(-length // side)
        step = -(-length // count)
        step = -(-step // CELL_PX) * CELL_PX
        return [(start + i, min(step, length - i)) for i in range(0, length, step)]

    return [
        Window(top, left, height, width)
        for top, height in spans(box.top, box.height)
        for left, width in spans(box.left, box.width)
    ]


def _of_label(hole: np.ndarray, labels: np.ndarray, part: Window, label: int) -> np.ndarray:
    top, left = part.top // CELL_PX, part.left // CELL_PX
    rows, columns = -(-part.height // CELL_PX), -(-part.width // CELL_PX)
    cells = labels[top : top + rows, left : left + columns] == label
    own = cells.repeat(CELL_PX, 0).repeat(CELL_PX, 1)[: part.height, : part.width]
    return own & hole[part.slices]


def _shrunk(part: Window, own: np.ndarray, hole: np.ndarray, margin_px: int) -> Cut:
    rows, columns = np.flatnonzero(own.any(1)), np.flatnonzero(own.any(0))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    box = Window(part.top + top, part.left + left, height, width)
    own = own[top : top + height, left : left + width]
    return Cut(box, own, _width_px(hole, box))


def _width_px(hole: np.ndarray, box: Window) -> float:
    """The side of the largest square of a hole that reaches into a box.

    At the picture's edge there is no rim to fill from: the hole counts as if it were mirrored.
    """
    reach = MAX_BOX_PX
    top, left = max(0, box.top - reach), max(0, box.left - reach)
    bottom, right = min(hole.shape[0], box.bottom + reach), min(hole.shape[1], box.right + reach)
    around = hole[top:bottom, left:right]
    before = [reach if top == 0 else 0, reach if left == 0 else 0]
    after = [
        reach if bottom == hole.shape[0] else 0,
        reach if right == hole.shape[1] else 0,
    ]
    pads = [(min(b, n), min(a, n)) for b, a, n in zip(before, after, around.shape, strict=True)]
    around = np.pad(around, pads, mode="symmetric")
    sums = np.zeros((around.shape[0] + 1, around.shape[1] + 1), np.int32)
    np.cumsum(around, 0, dtype=np.int32, out=sums[1:, 1:])
    np.cumsum(sums[1:, 1:], 1, out=sums[1:, 1:])
    first = Window(box.top - top + pads[0][0], box.left - left + pads[1][0], box.height, box.width)

    def holds(side: int) -> bool:
        """Whether a square of that side lies in the hole and touches the box."""
        up, back = max(0, first.top - side + 1), max(0, first.left - side + 1)
        down = min(first.bottom, sums.shape[0] - side)
        forth = min(first.right, sums.shape[1] - side)
        if down <= up or forth <= back:
            return False
        a, b = slice(up, down), slice(back, forth)
        c, d = slice(up + side, down + side), slice(back + side, forth + side)
        return bool((sums[c, d] - sums[a, d] - sums[c, b] + sums[a, b] == side**2).any())

    low, high = 1, 2 * reach
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return float(low)
