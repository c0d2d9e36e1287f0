"""Examples one click away: each sets the controls of a tab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ..context import Context, Update
from .form import Form


def presets_row(
    ctx: Context,
    form: Form,
    presets: Mapping[str, Mapping[str, Any]],
    icons: Mapping[str, str] | None = None,
) -> list[Dependency]:
    """Make a row of buttons here, one a preset; returns what happens at each click.

    Args:
        ctx: the page.
        form: the controls.
        presets: values by field (and "checkpoint"), by the text key of the button; what a preset
            leaves out stays as it is.
        icons: path of a small picture on the button, by the same key.
    """
    icons, clicks = icons or {}, []
    with gr.Row(elem_classes=["presets"]):
        ctx.make(gr.HTML, {"value": "common.examples"}, elem_classes=["row-label"], min_width=0)
        for key, values in presets.items():
            button = ctx.make(
                gr.Button, {"value": key}, size="sm", min_width=60, icon=icons.get(key)
            )
            fields = {"checkpoint": ctx.checkpoint, **form.controls}
            outputs = [fields[field] for field in values]

            def on_click(values: Mapping[str, Any] = values) -> list[Update]:
                return preset_updates(values)

            clicks.append(ctx.quick(button.click, on_click, None, outputs))
    return clicks


def preset_updates(values: Mapping[str, Any]) -> list[Update]:
    """For the controls of that preset, in its order."""
    return [gr.update(value=value) for value in values.values()]
