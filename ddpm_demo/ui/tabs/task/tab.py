"""The tab of a task: controls, run, result, examples; every task gets one."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ....errors import UserError
from ...components.form import Form
from ...components.live_view import live_view
from ...components.result import result_panel
from ...components.run_bar import run_bar
from ...components.run_flow import connect_run
from ...context import Context, TaskTab
from ...request import job_of
from ...restoration.comparison import comparison, connect_comparison
from ...restoration.pictures import connect_picture, picture_box, picture_input
from ...stream import Job
from .arrangement import Arrangement
from .examples import examples_row
from .fields import add_fields, control_values


def build_task(ctx: Context, this: Arrangement) -> None:
    """Build the tab here."""
    form = Form(ctx, this.tab)
    with gr.Row(elem_classes=["two-columns"]):
        with gr.Column(elem_classes=["controls", this.tab], min_width=280):
            box = _add_pictures(ctx, form, this)
            if this.controls is not None:
                this.controls(ctx, form)
            add_fields(ctx, form, this)
            bar = run_bar(ctx)
        with gr.Column(elem_classes=["outputs"]):
            live = live_view(ctx)
            found = comparison(ctx, this.tab) if this.task.beside else None
            below = found.beside.render if found is not None else lambda: None
            result = result_panel(
                ctx, this.tab, live, bar.notice, strip=found is not None, below=below
            )
    extra = (found.outputs, found.values) if found is not None else ((), None)
    flow = connect_run(
        ctx, this.tab, form, bar, live, result, lambda values: prepare(ctx, this, values), *extra
    )
    if found is not None:
        connect_comparison(found, result)
    if box is not None:
        connect_picture(ctx, box)
        _connect_own_picture(ctx, form, this)
        ctx.receive(this.tab, box.image)
    examples_row(ctx, form, this, flow)
    ctx.task_tabs[this.tab] = TaskTab(form, lambda recipe: control_values(this, recipe))


def prepare(ctx: Context, this: Arrangement, values: dict[str, Any]) -> Job:
    """The job that the controls ask for.

    Raises:
        UserError: a value that cannot be, a picture that is missing or none, no such checkpoint.
    """
    if not values.get("checkpoint") and not any(told.required for told in this.task.inputs):
        raise UserError("checkpoint_missing", "Choose a checkpoint first.", field="checkpoint")
    try:
        return job_of(ctx.models, this.task, this.to_values(values))
    except UserError as error:
        # The mask's sentence stands below the control that gave it.
        if error.field == "mask" and "mask_field" in values:
            error.field = values["mask_field"]
        raise


def _add_pictures(ctx: Context, form: Form, this: Arrangement) -> Any:  # noqa: ANN401  a PictureBox
    """The task's picture; further ones, which no arrangement stands for, below it."""
    box = None
    for told in this.task.inputs:
        if told.name == "image" and box is None:
            box = picture_box(ctx, form, this.example_picture)
        elif told.name not in this.instead_of and not told.several:
            form.add_picture(told.name, picture_input, height=160)
    return box


def _connect_own_picture(ctx: Context, form: Form, this: Arrangement) -> None:
    if this.own_picture:
        values = list(this.own_picture.values())
        outputs = [form.controls[name] for name in this.own_picture]
        ctx.quick(
            form.controls["image"].upload,
            lambda: values if len(values) > 1 else values[0],
            None,
            outputs,
        )
