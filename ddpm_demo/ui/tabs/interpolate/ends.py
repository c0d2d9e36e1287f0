"""The ends of an interpolation: a picture each, or a seed where there is no picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ....errors import UserError
from ...components.form import Form
from ...context import Context
from ...restoration.pictures import load_picture, picture_input

if TYPE_CHECKING:
    from PIL import Image

LETTERS = ("a", "b", "c", "d")
LINE, GRID = "line", "grid"
_HEIGHT_PX = 132


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


def ends_of(values: Mapping[str, Any]) -> tuple[tuple[str, ...], list[Image.Image]]:
    """(the recipe's ends, the pictures of those that are one) of the values of the form.

    Raises:
        UserError: about `image_a` ...: not a picture; about `seed_a` ...: not a seed.
    """
    from ....core.seeds import MAX_SEED
    from ....errors import check_range

    letters = LETTERS if values["shape"] == GRID else LETTERS[:2]
    ends, images = [], []
    for letter in letters:
        path, seed = values[f"image_{letter}"], values[f"seed_{letter}"]
        if path:
            images.append(load_picture(path, f"image_{letter}"))
            ends.append("image")
            continue
        field = f"seed_{letter}"
        if seed is None:
            raise UserError("number_missing", "Enter a number here.", field=field)
        try:
            check_range("seed", seed, 0, MAX_SEED)
        except UserError as error:
            error.field = field
            raise
        ends.append(f"seed:{int(seed)}")
    return tuple(ends), images
