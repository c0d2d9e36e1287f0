"""Below a restoring task's stage: its settings on many pictures, a table as they finish, a zip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from ....errors import UserError
from ....recipes.field import fields_of
from ....recipes.recipe import Recipe
from ....texts import text
from ...components.download import Downloads, downloads
from ...components.form import Form
from ...components.live_view import status_html
from ...components.notice import notice, notice_html
from ...components.run_bar import buttons
from ...context import Context, Update
from ...errors import sentence
from ...many_runs import ManyRuns
from ...stage import Stage
from .many_table import outcome_text, progress_text, table_html


@dataclass(frozen=True)
class ManyFlow:
    """The handlers of one tab, as plain functions of (..., language, session).

    Args:
        ctx, task: the page and the task.
        runs: of all visitors.
        run, cancel, files, status, table, said: the components; `said` is for sentences.
        saved: the button that saves the results.
    """

    ctx: Context
    task: type[Recipe]
    runs: ManyRuns
    run: gr.Button
    cancel: gr.Button
    files: gr.File
    status: gr.HTML
    table: gr.HTML
    said: gr.HTML
    saved: Downloads

    @property
    def outputs(self) -> list[Component]:
        """What begins and ends with a run."""
        return [self.run, self.cancel, self.status, self.table, self.said, *self.saved.buttons]

    def on_run(
        self,
        values: dict[str, Any],
        paths: Sequence[str] | None,
        mask: str | None,
        language: str,
        session: str,
    ) -> tuple[str | None, list[Update]]:
        """(id of the new run or None, updates for `outputs`)."""
        try:
            run = self.runs.begin(session, self.task, values, paths, mask)
        except Exception as error:
            note = notice_html(sentence(error, language, self.task.task))
            return None, [*buttons(False), gr.skip(), gr.skip(), note, gr.skip()]
        line = status_html(text(language, "common.status_waiting"), busy=True)
        return run.id, [*buttons(True), line, "", "", *self.saved.updates(False)]

    def on_stream(self, run_id: str | None, language: str, session: str) -> Iterator[list[Update]]:
        """For [status, table] as it goes on."""
        yield [gr.skip(), gr.skip()]
        shown = -1
        for run in self.runs.follow(session, self.task.task, run_id, language):
            # The whole table only when a picture is over with; its last line says the rest.
            is_new = run.state is not None and run.state.num_done != shown
            shown = run.state.num_done if run.state is not None else shown
            table = table_html(run, language) if is_new else gr.skip()
            yield [status_html(progress_text(run, language), busy=True), table]

    def on_finish(self, run_id: str | None, language: str, session: str) -> list[Update]:
        """Updates for `outputs` when the stream has ended."""
        run = self.runs.newest(session, self.task.task)
        if run is None or run.id != run_id:
            return [gr.skip()] * len(self.outputs)
        if run.phase == "waiting":  # the queue had no room for it
            run.phase = "failed"
            run.error = UserError(
                "run_queue_full", "Too many runs are waiting here; try again in a minute."
            )
        said = sentence(run.error, language, self.task.task) if run.error is not None else ""
        return [
            *buttons(False),
            status_html(outcome_text(run, language)),
            table_html(run, language),
            notice_html(said) if said else "",
            *self.saved.updates(run.archive is not None),
        ]

    def on_cancel(self, language: str, session: str) -> list[Update]:
        """Updates for [run, cancel, status]."""
        run = self.runs.cancel(session, self.task.task)
        if run is not None and run.phase == "running":
            line = status_html(text(language, "many.stopping"), busy=True)
            return [gr.skip(), gr.update(interactive=False), line]
        return [*buttons(False), status_html(text(language, "common.status_not_started"))]

    def on_language(self, language: str, session: str) -> list[Update]:
        """For [status, table]: what a run has left, in another language."""
        run = self.runs.newest(session, self.task.task)
        if run is None or not run.is_over:
            return [gr.skip(), gr.skip()]
        return [status_html(outcome_text(run, language)), table_html(run, language)]

    def make_file(self, kind: str, session: str) -> Path:
        """The results and the report as an archive.

        Raises:
            UserError: there is nothing yet.
        """
        run = self.runs.newest(session, self.task.task)
        if run is None or run.archive is None:
            raise UserError(
                "nothing_to_download", "There is no result to download yet; run first."
            )
        return run.archive


def add_many(ctx: Context, form: Form, task: type[Recipe], stage: Stage) -> ManyFlow:
    """Make the controls here and wire them."""
    runs = ctx.parts.setdefault("many", None) or ManyRuns(ctx.models, ctx.store.folder)
    ctx.parts["many"] = runs
    made: list[ManyFlow] = []
    with ctx.make(
        gr.Accordion, {"label": "many.title"}, open=False, elem_classes=["many"]
    ) as fold:
        ctx.make(gr.Markdown, {"value": "many.note"})
        # Every kind of file is let in, so that a wrong one gets a sentence and not silence.
        files = ctx.make(
            gr.File,
            {"label": "many.files"},
            file_count="multiple",
            height=200,
            elem_classes=["drop"],
        )
        run, cancel = _bar(ctx)
        said = notice()
        status = gr.HTML(status_html(""), elem_classes=["status"])
        table = gr.HTML("", elem_classes=["many-table"])
        saved = downloads(
            ctx, {"zip": "many.zip"}, lambda kind, session: made[0].make_file(kind, session), said
        )
    flow = ManyFlow(ctx, task, runs, run, cancel, files, status, table, said, saved)
    made.append(flow)
    ctx.many[task.task] = (files, fold)
    _connect(flow, form, stage)
    return flow


def _bar(ctx: Context) -> tuple[gr.Button, gr.Button]:
    """Run and Cancel."""
    with gr.Row(elem_classes=["many-bar"]):
        run = ctx.make(gr.Button, {"value": "many.run"}, scale=0, min_width=160)
        off = {"interactive": False, "variant": "stop"}
        cancel = ctx.make(gr.Button, {"value": "common.cancel"}, scale=0, min_width=120, **off)
    return run, cancel


def _connect(flow: ManyFlow, form: Form, stage: Stage) -> None:
    ctx, task, run_id = flow.ctx, flow.task, gr.State(None)
    names = [*fields_of(task), *(alias.name for alias in task.aliases)]
    names = [name for name in names if name in form.controls]
    takes_mask = any(told.is_mask for told in task.inputs)

    def on_run(
        request: gr.Request,
        language: str,
        paths: list[str] | None,
        said: Any,  # noqa: ANN401  any JSON
        *inputs: Update,
    ) -> list[Update]:
        values = dict(zip(names, inputs, strict=True))
        mask = stage.read(said).mask if takes_mask else None
        found = flow.on_run(
            values, paths, str(mask) if mask else None, language, request.session_hash or ""
        )
        return [found[0], *found[1]]

    def on_stream(run: str | None, language: str, request: gr.Request) -> Iterator[list[Update]]:
        yield from flow.on_stream(run, language, request.session_hash or "")

    def on_finish(run: str | None, language: str, request: gr.Request) -> list[Update]:
        return flow.on_finish(run, language, request.session_hash or "")

    def on_cancel(language: str, request: gr.Request) -> list[Update]:
        return flow.on_cancel(language, request.session_hash or "")

    inputs = [ctx.language, flow.files, stage.said, *(form.controls[name] for name in names)]
    told = [run_id, ctx.language]
    started = ctx.quick(flow.run.click, on_run, inputs, [run_id, *flow.outputs])
    streamed = ctx.heavy(started.then, on_stream, told, [flow.status, flow.table])
    ctx.quick(streamed.then, on_finish, told, flow.outputs)
    ctx.quick(flow.cancel.click, on_cancel, [ctx.language], [flow.run, flow.cancel, flow.status])
    ctx.on_language(flow.on_language, [flow.status, flow.table])
