"""Examples one click away: each sets the controls of a tab and runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from ...components.form import Form
from ...components.presets import presets_row
from ...components.run_flow import RunFlow, run_after
from ...context import Context
from ...restoration.pictures import example_path
from .arrangement import Arrangement
from .fields import control_values


def examples_row(ctx: Context, form: Form, this: Arrangement, flow: RunFlow) -> None:
    """A row of examples; those whose checkpoint is not here are left out."""
    shown = examples_of(ctx, this)
    if not shown:
        return
    icons = {key: values["image"] for key, values in shown.items() if values.get("image")}
    with gr.Column(elem_classes=["picture-examples"] if icons else []):
        for clicked in presets_row(ctx, form, shown, icons):
            run_after(flow, clicked)


def examples_of(ctx: Context, this: Arrangement) -> dict[str, Mapping[str, Any]]:
    """All controls' values by the text key of each example: what an example leaves out is as when
    the page opens."""
    here = {"", *(info.name for info in ctx.models.infos())}
    plain = control_values(this, this.task(checkpoint="x"))
    plain |= {"checkpoint": "", "seed": None}
    if not any(told.required for told in this.task.inputs):
        plain.pop("checkpoint")  # chosen above the tabs
    found = {}
    for key, values in this.examples.items():
        if values.get("checkpoint", "") in here:
            found[key] = {**plain, **values}
            if "image" in values:
                found[key]["image"] = example_path(values["image"])
    return found
