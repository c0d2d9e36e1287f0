"""A box for a picture made before: its recipe sets every control of the tab."""

from __future__ import annotations

import gradio as gr

from ..context import Context


def restore_box(ctx: Context) -> gr.File:
    """Make the box here. A file dropped anywhere on the tab lands in it (see page.js).

    Every kind of file is let in, so that a wrong one gets a sentence and not silence.
    """
    return ctx.make(
        gr.File,
        {"label": "common.restore"},
        file_count="single",
        height=96,
        elem_classes=["restore", "drop-anywhere"],
    )
