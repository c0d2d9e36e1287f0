"""Pictures in and out: safe decoding of files from strangers, tensors <-> PIL, grids.

Animations are in `animation`, recipes in PNG files in `png_recipe`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from . import decode, depth
from .opening import (
    DECODER_ERRORS,
    FORMATS,
    MAX_PIXELS,
    ImageSource,
    open_header,
    unreadable,
)
from .photograph import to_8_bit

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "ImageSource",
    "load_image",
    "make_grid",
    "open_header",
    "plain",
    "to_pil",
    "to_tensor",
]


def load_image(
    source: ImageSource,
    *,
    frame: int = 0,
    max_pixels: int = MAX_PIXELS,
    formats: Sequence[str] = FORMATS,
) -> Image.Image:
    """Decode a picture of unknown origin into a plain 8-bit one of mode L, RGB or RGBA, in sRGB.

    `decode.read` gives what else the file holds: its own depth and colours, and its metadata.

    Args:
        source: path, the file's bytes, or an open binary file.
        frame: which frame of an animation, from 0.
        max_pixels: larger pictures are refused.
        formats: names of Pillow's decoders.

    Raises:
        UserError: no such file, no picture, damaged, too large, no such frame.
    """
    return decode.read(source, frame=frame, max_pixels=max_pixels, formats=formats).image


def plain(image: Image.Image) -> Image.Image:
    """A picture that is open already as `load_image` gives it: upright, 8-bit, pixels alone.

    One that is so already is given back itself: copies of a large picture take longer than a hole
    in it.

    Raises:
        UserError: it is damaged.
    """
    if type(image) is Image.Image and image.mode in ("L", "RGB", "RGBA") and not image.info:
        if not image.getexif():
            return image
    try:
        return _to_plain_mode(_turn_upright(image))
    except DECODER_ERRORS as error:
        raise unreadable() from error


def _turn_upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001  broken EXIF data raise almost anything and do not matter
        return image


def _to_plain_mode(image: Image.Image) -> Image.Image:
    """8-bit L, RGB or RGBA with nothing but pixels."""
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        values = values.astype(np.uint16) if image.mode.startswith("I;16") else values
        return Image.fromarray(to_8_bit(depth.scaled(values, depth.find_range(values))))
    if image.has_transparency_data:
        result = image.convert("RGBA")
    elif image.mode in ("1", "L"):
        result = image.convert("L")
    else:
        result = image.convert("RGB")
    return Image.fromarray(np.asarray(result))


def to_tensor(
    image: Image.Image, channels: int, background: tuple[int, int, int] = (255, 255, 255)
) -> Tensor:
    """A picture as float32 [1, C, H, W] in [-1, 1].

    Args:
        image: any mode; transparency is laid over `background` (8-bit RGB).
        channels: 1 for grey (ITU-R 601 luma), 3 for colour.
    """
    if image.has_transparency_data:
        image = image.convert("RGBA")
        canvas = Image.new("RGBA", image.size, (*background, 255))
        image = Image.alpha_composite(canvas, image)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"), dtype=np.float32)
    tensor = torch.from_numpy(pixels / 127.5 - 1)
    return tensor[None, None] if channels == 1 else tensor.permute(2, 0, 1)[None].contiguous()


def to_pil(x: Tensor) -> list[Image.Image]:
    """The pictures of a batch [B, C, H, W] in [-1, 1], C = 1 or 3; values outside are clipped."""
    scaled = ((x.detach().to("cpu", torch.float64) + 1) * 127.5).round().nan_to_num()
    pixels = scaled.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(p[..., 0] if p.shape[-1] == 1 else p) for p in pixels]


def make_grid(
    images: Sequence[Image.Image], columns: int | None = None, gap_px: int = 2
) -> Image.Image:
    """Pictures of one size side by side on white, row by row.

    Args:
        images: at least one.
        columns: None for a grid about as wide as high.
        gap_px: between neighbours.
    """
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    width, height = images[0].size
    mode = images[0].mode
    size = (columns * (width + gap_px) - gap_px, rows * (height + gap_px) - gap_px)
    grid = Image.new(mode, size, "white")
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        grid.paste(image, (column * (width + gap_px), row * (height + gap_px)))
    return grid
