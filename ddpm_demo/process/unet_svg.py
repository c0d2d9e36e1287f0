"""The drawing of a U-Net: down on the left, up on the right, skips across.

Lines and letters are in `currentColor`, so that it can be read in a light and in a dark theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from .unet_diagram import Block

ROW_PX = 88
BOX_PX = 56
BOX_WIDTH_PX = 212
INDENT_PX = 22
WIDTH_PX = 760
CENTRE_PX = WIDTH_PX / 2
LABELS = {
    "title": "U-Net",
    "picture": "x_t",
    "prediction": "prediction",
    "layers": "residual layers: {count}",
    "attention": "attention",
    "skip": "skips",
    "time": "every layer is also given t",
}


def unet_svg(blocks: Sequence[Block], labels: Mapping[str, str] | None = None) -> str:
    """An SVG element, 760 wide, that scales to the width of its place.

    Args:
        blocks: of `unet_blocks`.
        labels: words to use instead of `LABELS`' English ones.
    """
    words = {**LABELS, **(labels or {})}
    depth = max(block.level for block in blocks) + 1
    height = (depth + 2) * ROW_PX + 24
    parts = [_box(block, *_place(block, depth), words) for block in blocks]
    parts += _skips(blocks, depth, words)
    parts += [_step(a, b, depth) for a, b in zip(blocks[:-1], blocks[1:], strict=True)]
    parts.append(_text(CENTRE_PX, height - 10, words["time"], size=14))
    return (
        f'<svg viewBox="0 0 {WIDTH_PX} {height}" role="img" width="100%" '
        f'style="max-width:{WIDTH_PX}px" xmlns="http://www.w3.org/2000/svg" fill="none" '
        f'stroke="currentColor" font-family="system-ui, sans-serif">'
        f"<title>{escape(words['title'])}</title>{''.join(parts)}</svg>"
    )


def _place(block: Block, depth: int) -> tuple[float, float]:
    """Centre and top of a box: the deeper, the nearer to the middle."""
    if block.side == "middle":
        return CENTRE_PX, (depth + 1) * ROW_PX + 8
    reach = CENTRE_PX - BOX_WIDTH_PX / 2 - 4 - INDENT_PX * block.level
    x = CENTRE_PX - reach if block.side in ("in", "down") else CENTRE_PX + reach
    row = 0 if block.side in ("in", "out") else block.level + 1
    return x, row * ROW_PX + 8


def _box(block: Block, x: float, y: float, words: Mapping[str, str]) -> str:
    size = f"{block.size_px} × {block.size_px}"
    if block.side in ("in", "out"):
        first = words["picture"] if block.side == "in" else words["prediction"]
        channels = block.channels_in if block.side == "in" else block.channels_out
        second = f"{size} × {channels}"
    else:
        first = f"{size}   {block.channels_in} → {block.channels_out}"
        second = words["layers"].format(count=block.num_layers)
        if block.has_attention:
            second += f" + {words['attention']}"
    # A frame, and not a shade: what is darker on white is lighter on black.
    frame = (
        ' stroke="currentColor" stroke-width="1.5"' if block.has_attention else ' stroke="none"'
    )
    return (
        f'<rect x="{x - BOX_WIDTH_PX / 2:g}" y="{y:g}" width="{BOX_WIDTH_PX}" '
        f'height="{BOX_PX}" rx="6" fill="currentColor" fill-opacity="0.07"{frame}/>'
        + _text(x, y + 23, first, size=15, weight=600)
        + _text(x, y + 44, second, size=13)
    )


def _text(x: float, y: float, words: str, size: int, weight: int = 400) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="{size}" stroke="none" '
        f'font-weight="{weight}" fill="currentColor" xml:space="preserve">{escape(words)}</text>'
    )


def _skips(blocks: Sequence[Block], depth: int, words: Mapping[str, str]) -> list[str]:
    """Dashed arrows from every way-down block to the way-up block of its level."""
    ups = {block.level: block for block in blocks if block.side == "up"}
    parts = []
    for block in blocks:
        if block.side == "down" and block.level in ups:
            x, top = _place(block, depth)
            y = top + BOX_PX / 2
            to_x = _place(ups[block.level], depth)[0] - BOX_WIDTH_PX / 2
            parts.append(_arrow([(x + BOX_WIDTH_PX / 2, y), (to_x, y)], dashed=True))
            if block.level == 0:
                parts.append(_text(CENTRE_PX, y - 8, words["skip"], size=13))
    return parts


def _step(block: Block, after: Block, depth: int) -> str:
    """The arrow from a block to the next one."""
    (x, y), (to_x, to_y) = _place(block, depth), _place(after, depth)
    if after.side == "middle":
        bend = to_y + BOX_PX / 2
        return _arrow([(x, y + BOX_PX), (x, bend), (to_x - BOX_WIDTH_PX / 2, bend)])
    if block.side == "middle":
        bend = y + BOX_PX / 2
        return _arrow([(x + BOX_WIDTH_PX / 2, bend), (to_x, bend), (to_x, to_y + BOX_PX)])
    between = (x + to_x) / 2
    if after.side in ("up", "out") and to_y < y:
        return _arrow([(between, y), (between, to_y + BOX_PX)])
    if to_y == y:  # a network without a middle block turns round on its deepest level
        return _arrow([(x + BOX_WIDTH_PX / 2, y + BOX_PX), (to_x - BOX_WIDTH_PX / 2, y + BOX_PX)])
    return _arrow([(between, y + BOX_PX), (between, to_y)])


def _arrow(points: Sequence[tuple[float, float]], dashed: bool = False) -> str:
    """A line through the points, along x or y, with a head at the last."""
    (before_x, before_y), (x, y) = points[-2:]
    along = (_sign(x - before_x), _sign(y - before_y))
    across = (-along[1], along[0])
    corners = [
        (x - 9 * along[0] + side * across[0], y - 9 * along[1] + side * across[1])
        for side in (4, -4)
    ]
    line = "L".join(f"{px:g} {py:g}" for px, py in points)
    head = "L".join(f"{px:g} {py:g}" for px, py in [(x, y), *corners])
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return (
        f'<path d="M{line}" stroke-width="1.5"{dash}/>'
        f'<path d="M{head}Z" fill="currentColor" stroke="none"/>'
    )


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
