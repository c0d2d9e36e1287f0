"""The ends of an interpolation: a picture each, or a seed where there is no picture."""

from __future__ import annotations

import gradio as gr

from ....tasks.interpolate import LETTERS
from ...components.form import Form
from ...context import Context
from ...restoration.pictures import picture_input

LINE, GRID = "line", "grid"
_HEIGHT_PX = 108


def ends_inputs(ctx: Context, form: Form) -> list[gr.Column]:
    """Make the controls `image_a`, `seed_a` and so on here; returns the columns of C and D."""
    columns = []
    for pair in (LETTERS[:2], LETTERS[2:]):
        with gr.Row(elem_classes=["ends"]):
            for letter in pair:
                shown = letter in LETTERS[:2]
                with gr.Column(min_width=120, visible=shown) as column:
                    form.add_picture(f"image_{letter}", picture_input, height=_HEIGHT_PX)
                    form.add(
                        f"seed_{letter}",
                        gr.Number,
                        value=LETTERS.index(letter),
                        precision=0,
                        min_width=80,
                    )
                columns.append(column)
    return columns[2:]
