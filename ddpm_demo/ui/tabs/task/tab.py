"""The tab of a task: its stage, controls, run, examples; every task gets one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ....batch.sources import takes_many
from ....errors import UserError
from ...comparing import sheet_job_of
from ...components.copy_link import copy_link
from ...components.download import Downloads, downloads
from ...components.form import Form
from ...components.live_view import status_html
from ...components.run_bar import run_bar
from ...components.run_flow import connect_run
from ...components.send_to import send_to_row
from ...context import Context, TaskTab, Update
from ...kept.slot import kept_slot
from ...request import job_of
from ...restoration.pictures import picture_input
from ...restoration.stage_picture import MASK, connect_upload, scene_of, stage_values
from ...sessions import RunRecord
from ...stage import Stage
from ...stage_view import StageView, connect_view, in_all
from ...stream import Job
from ...uploads import EXAMPLES_FOLDER
from .arrangement import Arrangement
from .compare import ASKED, add_compare, connect_compare
from .examples import examples_row
from .fields import add_fields, control_values
from .many import add_many
from .time_ahead import connect_time


def build_task(ctx: Context, this: Arrangement) -> StageView:
    """Build the tab here; returns its stage with what stands below it."""
    form = Form(ctx, this.tab)
    takes = _takes(this)
    with gr.Row(elem_classes=["stage-and-controls"]):
        with gr.Column(elem_classes=["stage-column"], min_width=280):
            moving = EXAMPLES_FOLDER / this.moving if this.moving else None
            stage = Stage(this.tab, takes, in_all(this.hint) if this.hint else "", moving)
            if takes is not None:
                form.add_said("image", stage.said)
            status = gr.HTML(status_html(""), elem_classes=["status"])
            ahead = gr.HTML("", elem_classes=["time-ahead"])
            measures = gr.HTML("", elem_classes=["measures"])
            after = gr.Row(elem_classes=["after-run"])
        with gr.Column(elem_classes=["controls", this.tab], min_width=280):
            _add_pictures(form, this)
            if this.controls is not None:
                this.controls(ctx, form, stage)
            add_fields(ctx, form, this)
            if this.near_run is not None:
                this.near_run(ctx, form, stage)
            bar = run_bar(ctx)
            kept_slot(ctx, this.tab)
    with after:
        files, sent = _after_run(ctx, this, stage, bar.notice)
    compare = add_compare(ctx, form, this)
    if takes_many(this.task):
        ctx.parts[f"many_{this.tab}"] = add_many(ctx, form, this.task, stage)
    view = StageView(
        ctx,
        this.tab,
        stage,
        status,
        measures,
        files,
        sent,
        lambda record: _for(this, record).show(record),
        lambda record, index, language: _for(this, record).words(record, index, language),
    )
    connect_view(view)
    # The language and the checkpoint above the tabs are the first inputs of every run.
    js = stage.run_js(2 + list(form.controls).index("image")) if takes else stage.begin_js()
    flow = connect_run(
        ctx,
        this.tab,
        form,
        bar,
        view,
        lambda values: prepare(ctx, this, values, stage),
        js,
        lambda values: _paths(form, values, stage),
    )
    connect_compare(ctx, form, this, flow, compare, js)
    if takes is not None:
        own = {"checkpoint": ""} if this.task.needs_picture() else {}
        own, buttons = {**own, **this.own_picture}, [*files.buttons, *sent]
        connect_upload(ctx, stage, form, this.task, status, own, buttons)
        connect_time(
            ctx,
            form,
            stage,
            bar.run,
            ahead,
            lambda values: prepare(ctx, this, values, stage),
            this.mask_of is not None,
        )
        ctx.receive(this.tab, stage.component, lambda path: scene_of(stage, path))
    examples_row(ctx, form, this, flow, stage)
    ctx.task_tabs[this.tab] = TaskTab(form, lambda recipe: control_values(this, recipe))
    return view


def _after_run(
    ctx: Context, this: Arrangement, stage: Stage, said: gr.HTML
) -> tuple[Downloads, Sequence[gr.Button]]:
    """What can be done with a result: its files, its link, sending it to other tabs."""
    files = downloads(ctx, dict(this.exports), _export(ctx, this), said)
    files = Downloads([*files.buttons, copy_link(ctx, this.tab, said)])
    sent = send_to_row(
        ctx,
        this.tab,
        stage.said,
        lambda said: stage.read(said).sample,
        said,
        lambda record, sample: _for(this, record).show(record).index(sample),
    )
    return files, sent


def prepare(
    ctx: Context, this: Arrangement, values: dict[str, Any], stage: Stage | None = None
) -> Job:
    """The job that the controls ask for.

    Args:
        ctx, this: the page and the tab.
        values: of the controls; "image" is what `stage` tells, or a path.
        stage: the tab's.

    Raises:
        UserError: a value that cannot be, a picture that is missing or none, no such checkpoint.
    """
    if stage is not None and isinstance(values.get("image"), dict):
        values = {**values, **stage_values(stage, values["image"])}
    if not values.get("checkpoint") and not this.task.needs_picture():
        raise UserError("checkpoint_missing", "Choose a checkpoint first.", field="checkpoint")
    try:
        asked = this.to_values(values)
        if values.get(ASKED):
            return sheet_job_of(ctx.models, this.task, asked, values[ASKED])
        job = job_of(ctx.models, this.task, asked)
    except UserError as error:
        if error.field == "mask":  # it stands on the stage, as the picture does
            error.field = "image"
        raise
    return this.adapt(dataclasses.replace(job, on_stage=True), values)


def _for(this: Arrangement, record: RunRecord | None) -> Arrangement:
    """How a run stands on the page: as the tab has it, a sheet as on every tab."""
    is_sheet = record is not None and record.job.counts == "cell"
    return Arrangement(this.task) if is_sheet else this


def _paths(form: Form, values: Mapping[str, Any], stage: Stage) -> dict[str, str | None]:
    """The files among the values of the controls, and the mask's."""
    paths = {name: values.get(name) for name in form.pictures}
    if isinstance(paths.get("image"), dict):
        paths |= stage_values(stage, paths["image"])
    elif values.get(MASK):
        paths[MASK] = values[MASK]
    return paths


def _takes(this: Arrangement) -> Any:  # noqa: ANN401  what a Stage accepts
    """What visitors may put on the stage."""
    names = [told.name for told in this.task.inputs]
    if "image" not in names:
        return None
    return "picture+mask" if this.mask_of is not None else "picture"


def _add_pictures(form: Form, this: Arrangement) -> None:
    """The task's further pictures, which neither the stage nor an arrangement stands for."""
    for told in this.task.inputs:
        if told.name not in ("image", *this.instead_of) and not told.several:
            form.add_picture(told.name, picture_input, height=160)


def _export(ctx: Context, this: Arrangement) -> Any:  # noqa: ANN401  a MakeFile
    def make_file(kind: str, session: str) -> Update:
        record = ctx.store.result(session, this.tab)
        return _for(this, record).make_export(record, kind, ctx.store.folder(session))

    return make_file
