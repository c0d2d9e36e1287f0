"""A before/after slider for two pictures of one size."""

from __future__ import annotations

import gradio as gr
from PIL import Image

from ..context import Context
from .live_view import SMOOTH_FROM_PX

_HEIGHT_PX = 420


def before_after(ctx: Context, label_key: str = "common.before_after") -> gr.ImageSlider:
    """Make the slider here; give it `(before, after)` through `before_after_value`."""
    return ctx.make(
        gr.ImageSlider,
        {"label": label_key},
        format="png",
        type="pil",
        height=_HEIGHT_PX,
        max_height=_HEIGHT_PX,  # else its own limit cuts off the lower part
        interactive=False,
        elem_classes=["before-after"],
        buttons=["download", "fullscreen"],
    )


def before_after_value(before: Image.Image, after: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The slider's value: small pictures are enlarged here with hard pixels, by a whole factor."""
    side = max(after.size)
    # Larger than shown: being reduced blurs the edges of pixels less than being enlarged.
    factor = max(1, 2 * _HEIGHT_PX // side) if side < SMOOTH_FROM_PX else 1
    size = (after.width * factor, after.height * factor)
    resample = Image.Resampling.NEAREST
    return before.resize(size, resample), after.resize(size, resample)
