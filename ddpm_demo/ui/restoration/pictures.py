"""The picture to restore: how it comes in, and what is said of it."""

from __future__ import annotations

import threading
from typing import Any

import gradio as gr
from PIL import Image

from ...errors import UserError
from ...texts import text
from ..components.derived import derived
from ..uploads import EXAMPLES_FOLDER

SOURCES = ["upload", "clipboard", "webcam"]

DECODED_AT_ONCE = 2
_decoding = threading.BoundedSemaphore(DECODED_AT_ONCE)

Size = tuple[int, int]


def example_path(name: str) -> str:
    """Path of a picture in `ui/examples`."""
    return str(EXAMPLES_FOLDER / name)


def _path_as_uploaded(self: gr.Image, payload: Any) -> Any:  # noqa: ANN401  Gradio's own types
    if payload is None or not payload.path:
        return gr.Image.preprocess(self, payload)
    return payload.path


_UploadedImage = derived(gr.Image, "_UploadedImage", __name__, preprocess=_path_as_uploaded)


def picture_input(**props: Any) -> gr.Image:  # noqa: ANN401  whatever gr.Image takes
    """An image component whose value is the path of the file as it was uploaded.

    Gradio would decode it on its own terms, and a file that it cannot read would never reach a
    handler that says so.
    """
    return _UploadedImage(
        type="filepath", format="png", image_mode=None, sources=SOURCES, buttons=[], **props
    )


def load_picture(path: str | None, field: str = "image") -> Image.Image:
    """The uploaded picture, upright and in 8 bits; no more than `DECODED_AT_ONCE` are being
    decoded at a time, over all visitors, since that goes on outside the queue.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    from ...pictures.images import load_image

    if not path:
        raise UserError("picture_missing", "Give a picture first.", field=field)
    try:
        with _decoding:
            return load_image(path)
    except UserError as error:
        error.field = field
        raise


def load_mask(path: str, field: str = "mask") -> Image.Image:
    """The uploaded mask, mode L, 255 where it says fill: by its two values, its alpha, its paint.

    Raises:
        UserError: it cannot be read.
    """
    from ...pictures import mask_reading

    try:
        return mask_reading.read(path)
    except UserError as error:
        error.field = field
        raise


def size_text(size: Size, language: str) -> str:
    """ "512 × 384 pixels, 0.2 megapixels"."""
    width, height = size
    key = "restoration.size" if width * height >= 1e5 else "restoration.size_small"
    # Counted in millions, in Chinese in ten thousands.
    pixels = width * height
    amount = f"{pixels / 1e4:.0f}" if language == "zh-CN" else f"{pixels / 1e6:.1f}"
    return text(language, key, width=width, height=height, amount=amount)
