"""Masks for inpainting, as 8-bit grey pictures: white (255) is filled, black (0) is known.

Painted ones come from the page at the picture's size; the others are made here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from ..errors import UserError
from . import mask_reading
from .mask_reading import FILL, THRESHOLD

TEXT = "DDPM"

Size = tuple[int, int]


def nothing(size: Size) -> Image.Image:
    """The mask that fills nothing; size is (width, height) in pixels."""
    return Image.new("L", size, 0)


def box(size: Size, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """A rectangle with its edges in per cent of the picture's width and height.

    Raises:
        UserError: an edge outside 0 to 100, or nothing between two edges.
    """
    for name, value in {"left": left, "top": top, "right": right, "bottom": bottom}.items():
        if not 0 <= value <= 100:
            raise UserError(
                "mask_box_range",
                "The edges of the box must be between 0 and 100 per cent, not {value}.",
                field=f"box_{name}",
                value=value,
            )
    width, height = size
    x0, x1 = round(width * left / 100), round(width * right / 100)
    y0, y1 = round(height * top / 100), round(height * bottom / 100)
    if x1 <= x0 or y1 <= y0:
        raise UserError(
            "mask_box_empty",
            "The box holds no pixel; its right edge must lie right of its left edge, and its "
            "lower edge below its upper edge.",
            field="box_right" if x1 <= x0 else "box_bottom",
        )
    pixels = np.zeros((height, width), np.uint8)
    pixels[y0:y1, x0:x1] = FILL
    return Image.fromarray(pixels)


def centre(size: Size, seed: int = 0) -> Image.Image:
    """The middle, half as wide and half as high as the picture."""
    return box(size, 25, 25, 75, 75)


def half(size: Size, seed: int = 0) -> Image.Image:
    """The right half."""
    return box(size, 50, 0, 100, 100)


def scattered(size: Size, seed: int = 0, share: float = 0.7) -> Image.Image:
    """Single pixels, `share` of all, drawn by `seed`."""
    width, height = size
    count = round(share * width * height)
    chosen = np.random.default_rng(seed).permutation(width * height)[:count]
    pixels = np.zeros(width * height, np.uint8)
    pixels[chosen] = FILL
    return Image.fromarray(pixels.reshape(height, width))


def stripes(size: Size, seed: int = 0) -> Image.Image:
    """Upright stripes, each a twelfth of the picture's width, with twice as much between them."""
    width, height = size
    wide = max(1, round(width / 12))
    column = np.arange(width) % (3 * wide)
    row = np.where((column >= wide) & (column < 2 * wide), FILL, 0).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(row, (height, width)).copy())


def text(size: Size, seed: int = 0, words: str = TEXT) -> Image.Image:
    """Lines of bold letters over the whole picture."""
    width, height = size
    mask = nothing(size)
    draw = ImageDraw.Draw(mask)
    line_px = max(8, round(min(size) / 5))
    font = ImageFont.load_default(round(line_px * 0.9))
    stroke = max(0, line_px // 24)
    step = max(1.0, draw.textlength(words + " ", font=font))
    for line in range(math.ceil(height / line_px)):
        start = -(line % 2) * step / 2
        for word in range(math.ceil(width / step) + 1):
            place = (start + word * step, line * line_px)
            draw.text(place, words, FILL, font, stroke_width=stroke)
    return binary(mask)


PRESETS: dict[str, Callable[[Size, int], Image.Image]] = {
    "centre": centre,
    "half": half,
    "scattered": scattered,
    "stripes": stripes,
    "text": text,
}


def preset(name: str, size: Size, seed: int = 0) -> Image.Image:
    """The mask of `PRESETS` called `name`.

    Raises:
        UserError: there is none of that name.
    """
    if name not in PRESETS:
        raise UserError(
            "mask_preset_unknown",
            "There is no mask preset “{name}”; use one of {known}.",
            field="preset",
            name=name,
            known=", ".join(PRESETS),
        )
    return PRESETS[name](size, seed)


def binary(mask: Image.Image) -> Image.Image:
    """Any picture as a mask: 255 where it is at least half white; transparent is not white."""
    if mask.has_transparency_data:
        mask = mask.convert("RGBA")
        mask = Image.alpha_composite(Image.new("RGBA", mask.size, "black"), mask)
    return mask.convert("L").point(lambda value: FILL if value >= THRESHOLD else 0)


def from_picture(mask: Image.Image, size: Size) -> Image.Image:
    """An uploaded picture as the mask of a picture of `size`; see `mask_reading`.

    Raises:
        UserError: it has another size.
    """
    mask_reading.check_size(mask, size)
    return mask_reading.of_picture(mask)


def invert(mask: Image.Image) -> Image.Image:
    """Filled becomes known and known becomes filled."""
    return ImageChops.invert(mask)


def check(mask: Image.Image) -> None:
    """Refuse a mask that fills nothing, or everything.

    Raises:
        UserError: it does.
    """
    filled = np.asarray(mask).astype(bool)
    if not filled.any():
        raise UserError(
            "mask_empty",
            "The mask is empty, so there is nothing to fill; paint over a part of the picture.",
            field="mask",
        )
    if filled.all():
        raise UserError(
            "mask_full",
            "The mask covers the whole picture, so that nothing of it is left to go by; "
            "leave a part of the picture uncovered.",
            field="mask",
        )


def share(mask: Image.Image) -> float:
    """How much of the picture is filled, 0 to 1."""
    return float(np.asarray(mask).astype(bool).mean())


def overlay(image: Image.Image, mask: Image.Image, colour: str) -> Image.Image:
    """The picture in colour with what will be filled painted over; both of one size."""
    shown = image.convert("RGB")
    shown.paste(Image.new("RGB", image.size, colour), mask=mask.point(lambda v: v * 3 // 4))
    return shown
