"""What the Inpaint tab adds to the painting on its stage: shapes, and room around the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
from PIL import Image

from ...errors import UserError
from ...pictures import masks
from ...tasks.inpaint import SIDES
from ...texts import text
from ..components.form import Form
from ..context import Context, Update
from ..stage import Stage
from .pictures import load_picture
from .stage_picture import MASK


def mask_controls(ctx: Context, form: Form, stage: Stage) -> None:
    """Make the controls here."""
    shape = ctx.make(
        gr.Dropdown,
        {"label": "inpaint.shape", "info": "inpaint.shape_help", "choices": shape_choices},
        value="",
    )

    def on_shape(name: str, said: Any) -> tuple[Update, str]:  # noqa: ANN401  any JSON
        return drawn_on(stage, name, said), ""

    ctx.quick(shape.input, on_shape, [shape, stage.said], [stage.component, shape])
    ctx.make(gr.HTML, {"value": "inpaint.expand"}, elem_classes=["row-label"], min_width=0)
    added = {"value": 0, "precision": 0, "minimum": 0, "min_width": 60}
    with gr.Row(elem_classes=["four"]):
        for side in SIDES:
            form.add(f"expand_{side}", gr.Number, **added)


def drawn_on(stage: Stage, name: str, said: Any) -> Update:  # noqa: ANN401  any JSON
    """The stage with a shape as its mask, which can be undone and painted on."""
    told = stage.read(said)
    if told.upload is None or name not in masks.PRESETS:
        return gr.skip()
    return stage.mask(masks.preset(name, load_picture(str(told.upload)).size))


def mask_of(values: Mapping[str, Any], size: masks.Size) -> Image.Image:
    """The mask for a picture of that size; not checked for being empty.

    Args:
        values: "painted" is what the stage has, as a path; else "preset" or "box" (four edges in
            per cent), as examples say it.
        size: (width, height) of the picture.

    Raises:
        UserError: the mask cannot be used.
    """
    if values.get(MASK):
        return masks.from_picture(load_picture(values[MASK], "mask"), size)
    if values.get("preset"):
        return masks.preset(values["preset"], size)
    if values.get("box"):
        return masks.box(size, *values["box"])
    return masks.nothing(size)


def expand_of(values: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Pixels added at left, top, right and bottom.

    Raises:
        UserError: a number is missing.
    """
    for side in SIDES:
        if values[f"expand_{side}"] is None:
            raise UserError("number_missing", "Enter a number here.", field=f"expand_{side}")
    return tuple(int(values[f"expand_{side}"]) for side in SIDES)


def shape_choices(language: str) -> list[tuple[str, str]]:
    """(words, name) of the shapes that can be put on the stage; "" is none."""
    named = [(text(language, f"inpaint.preset_{name}"), name) for name in masks.PRESETS]
    return [(text(language, "inpaint.shape_none"), ""), *named]
