"""The picture to restore: its box, what is said of it, and which prior suits it."""

from __future__ import annotations

import html
import threading
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from ...errors import UserError
from ...texts import text
from ..components.derived import derived
from ..components.form import Form
from ..components.notice import notice_html
from ..context import Context
from ..errors import sentence
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


@dataclass(frozen=True)
class PictureBox:
    """A picture and what is said of it.

    Args:
        image: the upload; its value is a path.
        facts: size in words, or what is wrong.
    """

    image: gr.Image
    facts: gr.HTML


def picture_box(ctx: Context, form: Form, example: str = "", height: int = 220) -> PictureBox:
    """Make the box here, with an example in it; `connect_picture` makes it speak."""
    path = example_path(example) if example else None
    image = form.add_picture(
        "image", picture_input, value=path, height=height, elem_classes=["picture-in", "pixels"]
    )
    words = ""
    if path is not None:  # its header alone: what decodes pictures brings torch along
        with Image.open(path) as picture:
            words = _hint(size_text(picture.size, ctx.texts.language))
    facts = gr.HTML(words, elem_classes=["notice"])
    return PictureBox(image, facts)


def connect_picture(ctx: Context, box: PictureBox) -> None:
    """Say what the picture is whenever it changes."""

    def on_change(path: str | None, language: str) -> str:
        return picture_facts(path, language)

    for trigger in (box.image.change, ctx.language.change):
        ctx.quick(
            trigger,
            on_change,
            [box.image, ctx.language],
            [box.facts],
            trigger_mode="always_last",
        )


def picture_facts(path: str | None, language: str) -> str:
    """Its size in words and what else its owner should know, or what is wrong with it."""
    from ...pictures import decode

    if not path:
        return ""
    try:
        photograph = decode.read(path)
    except UserError as error:
        return notice_html(sentence(error, language))
    notes = [sentence(note, language) for note in photograph.notes]
    return _hint(" ".join([size_text(photograph.size, language), *notes]))


def _hint(words: str) -> str:
    return f'<p class="hint">{html.escape(words)}</p>'


def size_text(size: Size, language: str) -> str:
    """ "512 × 384 pixels, 0.2 megapixels"."""
    width, height = size
    key = "restoration.size" if width * height >= 1e5 else "restoration.size_small"
    megapixels = f"{width * height / 1e6:.1f}"
    return text(
        language,
        key,
        width=width,
        height=height,
        **({"megapixels": megapixels} if key == "restoration.size" else {}),
    )
