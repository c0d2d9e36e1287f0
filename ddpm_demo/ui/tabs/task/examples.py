"""Examples one click away: each sets the controls of a tab, its picture, and runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from ...components.form import Form
from ...components.run_flow import RunFlow, start_run
from ...context import Context, Update
from ...restoration.pictures import example_path, load_picture
from ...restoration.stage_picture import scene_of
from ...stage import Stage
from .arrangement import Arrangement
from .fields import control_values


def examples_row(
    ctx: Context, form: Form, this: Arrangement, flow: RunFlow, stage: Stage | None = None
) -> None:
    """A row of examples; those whose checkpoint is not here are left out.

    Args:
        ctx, form, this, flow: the tab's.
        stage: that shows the examples' pictures; None where a control of the form does.
    """
    shown = examples_of(ctx, this)
    if not shown:
        return
    icons = {key: values["image"] for key, values in shown.items() if values.get("image")}
    classes = ["presets", *(["picture-examples"] if icons else [])]
    with gr.Row(elem_classes=classes):
        ctx.make(gr.HTML, {"value": "common.examples"}, elem_classes=["row-label"], min_width=0)
        for key, values in shown.items():
            icon = icons.get(key)
            button = ctx.make(gr.Button, {"value": key}, size="sm", min_width=60, icon=icon)
            _connect(ctx, form, this, flow, stage, button, values)


def _connect(
    ctx: Context,
    form: Form,
    this: Arrangement,
    flow: RunFlow,
    stage: Stage | None,
    button: gr.Button,
    example: Mapping[str, Any],
) -> None:
    settings = {name: value for name, value in example.items() if name in form.settable}
    # Components that nothing else of a run sets: the checkpoint above the tabs, pictures.
    others = {"checkpoint": ctx.checkpoint, **form.controls}
    others = {k: c for k, c in others.items() if k in example and k not in form.settable}
    if stage is not None:
        others.pop("image", None)
    at_stage = flow.finish_outputs.index(stage.component) if stage is not None else None

    def on_click(request: gr.Request, language: str, above: str) -> tuple[Any, list[Update]]:
        values = {"checkpoint": above, **example}
        run, updates = flow.on_run(values, language, request.session_hash or "", settings)
        if stage is not None and at_stage is not None and example.get("image"):
            updates[at_stage] = _scene(stage, this, example)
        return run, [*updates, *[gr.update(value=example[name]) for name in others]]

    outputs = [*flow.finish_outputs, *others.values()]
    start_run(flow, button.click, on_click, [ctx.language, ctx.checkpoint], outputs)


def _scene(stage: Stage, this: Arrangement, example: Mapping[str, Any]) -> Update:
    mask = None
    if this.mask_of is not None:
        mask = this.mask_of(example, load_picture(example["image"]).size)
    return scene_of(stage, example["image"], mask)


def examples_of(ctx: Context, this: Arrangement) -> dict[str, Mapping[str, Any]]:
    """All controls' values by the text key of each example: what an example leaves out is as when
    the page opens."""
    here = {"", *(info.name for info in ctx.models.infos())}
    plain = control_values(this, this.task(checkpoint="x"))
    plain |= {"checkpoint": "", "seed": None}
    if not this.task.needs_picture():
        plain.pop("checkpoint")  # chosen above the tabs
    found = {}
    for key, values in this.examples.items():
        if values.get("checkpoint", "") in here:
            found[key] = {**plain, **values}
            if "image" in values:
                found[key]["image"] = example_path(values["image"])
    return found
