"""Pictures in and out: safe decoding of files from strangers, tensors <-> PIL, grids.

Animations are in `animation`, recipes in PNG files in `png_recipe`.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import UserError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
MAX_PIXELS = 100_000_000
_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow's decoders are known to raise on broken files.
_DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    struct.error,
    zlib.error,
    MemoryError,
)

ImageSource = Path | str | bytes | BinaryIO


def load_image(
    source: ImageSource,
    *,
    frame: int = 0,
    max_pixels: int = MAX_PIXELS,
    formats: Sequence[str] = FORMATS,
) -> Image.Image:
    """Decode a picture of unknown origin into a plain 8-bit one of mode L, RGB or RGBA.

    The size is read from the header and checked before any pixel is decoded. The orientation in
    the EXIF data is obeyed, metadata are dropped, 16-bit and float pictures are scaled to 8 bits.

    Args:
        source: path, the file's bytes, or an open binary file.
        frame: which frame of an animation, from 0.
        max_pixels: larger pictures are refused.
        formats: names of Pillow's decoders.

    Raises:
        UserError: no such file, not one of `formats`, damaged, too large, no such frame.
    """
    image = open_header(source, formats, max_pixels)
    try:
        if frame:
            image.seek(frame)
            _check_size(image, max_pixels)  # frames of a TIFF have sizes of their own
        image.load()
        image = _turn_upright(image)
        return _to_plain_mode(image)
    except EOFError as error:
        if not frame:
            raise _unreadable() from error
        raise UserError(
            "image_frame_missing",
            "The picture has no frame {frame}.",
            field="image",
            frame=frame,
        ) from error
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(max_pixels) from error
    except _DECODER_ERRORS as error:
        raise _unreadable() from error


def plain(image: Image.Image) -> Image.Image:
    """A picture that is open already as `load_image` gives it: upright, 8-bit, pixels alone.

    Raises:
        UserError: it is damaged.
    """
    try:
        return _to_plain_mode(_turn_upright(image))
    except _DECODER_ERRORS as error:
        raise _unreadable() from error


def open_header(
    source: ImageSource, formats: Sequence[str] = FORMATS, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Open a picture without decoding it, its pixel count checked; the caller decodes it or not.

    Raises:
        UserError: no such file, not one of `formats`, broken header, more than `max_pixels`.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        image = Image.open(file, formats=formats)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UserError(
            "image_missing",
            "The file “{file}” does not exist or cannot be read.",
            field="image",
            file=str(source),
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(max_pixels) from error
    except _DECODER_ERRORS as error:
        raise _unreadable() from error
    _check_size(image, max_pixels)
    return image


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise _too_large(max_pixels)


def _too_large(max_pixels: int) -> UserError:
    return UserError(
        "image_too_large",
        "The picture has more than {limit} million pixels; make it smaller first.",
        field="image",
        limit=max_pixels // 10**6,
    )


def _unreadable() -> UserError:
    return UserError(
        "image_unreadable",
        "The file is not a picture that can be read, or it is damaged; use PNG, JPEG, WebP, BMP, "
        "TIFF or GIF.",
        field="image",
    )


def _turn_upright(image: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION_TAG))
    except Exception:  # noqa: BLE001  broken EXIF data raise almost anything and do not matter
        turn = None
    return image.transpose(turn) if turn is not None else image


def _to_plain_mode(image: Image.Image) -> Image.Image:
    """8-bit L, RGB or RGBA with nothing but pixels."""
    has_alpha = image.has_transparency_data
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        return Image.fromarray(_to_8_bit(np.asarray(image), image.mode))
    if has_alpha:
        plain = image.convert("RGBA")
    elif image.mode in ("1", "L"):
        plain = image.convert("L")
    else:
        plain = image.convert("RGB")
    return Image.fromarray(np.asarray(plain))


def _to_8_bit(values: np.ndarray, mode: str) -> np.ndarray:
    """Grey values of a deep mode (I;16, I, F) as uint8."""
    values = np.nan_to_num(values.astype(np.float64))
    top = values.max(initial=0.0)
    # 32-bit and float files do not say their range, so the brightest pixel must.
    if mode == "F" and top <= 1:
        scale = 255.0
    elif mode in ("F", "I") and top <= 255:
        scale = 1.0
    else:
        scale = 255 / max(65535.0, top)
    return np.rint(values.clip(0) * scale).clip(0, 255).astype(np.uint8)


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
