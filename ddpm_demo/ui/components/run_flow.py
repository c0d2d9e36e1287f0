"""From Run to the result: the wiring that every tab with a run shares.

Run checks the controls at once (`prepare`), then waits for the model and streams into the view,
then shows the result. Cancel sets a flag that the stream obeys at its next step.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import anyio
import gradio as gr
from gradio.components import Component
from gradio.events import EventListener

from ...errors import UserError
from ...texts import text
from ..context import Context, Update
from ..drive import Drive
from ..errors import sentence
from ..in_turn import EVERY_S, LINE
from ..runner import Report, follow, outcome_text
from ..sessions import RunRecord
from ..stream import Job
from .form import Form
from .notice import notice_html
from .run_bar import RunBar, buttons

# (values of the form by field, with "checkpoint") -> what to run; raises UserError
Prepare = Callable[[dict[str, Any]], Job]
# The same values -> paths of the pictures among them, by name, all of them checked
Pictures = Callable[[Mapping[str, Any]], Mapping[str, str | None]]

_POLL_S = 0.05


class RunView(Protocol):
    """Where a run is seen: what it changes of the page, and how."""

    @property
    def frame_outputs(self) -> list[Component]:
        """What begins, ends and breaks off with a run."""

    @property
    def stream_outputs(self) -> list[Component]:
        """What changes from step to step."""

    @property
    def result_outputs(self) -> list[Component]:
        """What else a finished run fills."""

    def begun(self, language: str) -> list[Update]:
        """For `frame_outputs`, when a run waits for its turn."""

    def stopping(self, language: str) -> list[Update]:
        """For `frame_outputs`, when a run has been asked to end."""

    def ended(self, words: str, record: RunRecord | None = None) -> list[Update]:
        """For `frame_outputs`, when no run goes on any more; `record` is one with pictures."""

    def reported(self, report: Report, language: str) -> list[Update]:
        """For `stream_outputs`."""

    def results(self, record: RunRecord, language: str, session: str) -> list[Update]:
        """For `result_outputs`, when a run has ended."""

    def skips(self) -> list[Update]:
        """For `result_outputs`: all that is there stays."""


@dataclass(frozen=True)
class RunFlow:
    """The handlers of one tab, as plain functions of (..., language, session)."""

    ctx: Context
    tab: str
    form: Form
    bar: RunBar
    view: RunView
    prepare: Prepare
    pictures: Pictures = lambda values: {}

    @property
    def frame_outputs(self) -> list[Component]:
        """What a run changes besides its result."""
        return [
            self.bar.run,
            self.bar.cancel,
            *self.view.frame_outputs,
            self.bar.notice,
            self.ctx.checkpoint_notice,
            *self.form.error_outputs,
        ]

    @property
    def finish_outputs(self) -> list[Component]:
        """What changes at the end of a run."""
        return [*self.frame_outputs, *self.view.result_outputs]

    def on_run(
        self,
        values: dict[str, Any],
        language: str,
        session: str,
        settings: Mapping[str, Update] | None = None,
    ) -> tuple[str | None, list[Update]]:
        """(id of the new run or None, updates for `finish_outputs`).

        `settings` are new values of the form's controls, where an example sets them.
        """
        skips = self.view.skips()
        try:
            job = self.prepare(values)
        except Exception as error:
            # Whatever went wrong, the page must go on: the sentence is all that changes.
            record = self.ctx.store.result(session, self.tab)
            words = outcome_text(language, record) if record is not None else ""
            ended = self.view.ended(words)
            return None, [*self._frame(False, ended, error, language, settings), *skips]
        record = self.ctx.store.begin(session, self.tab, job)
        paths = self.pictures(values)
        plain = {name: value for name, value in values.items() if name not in self.form.pictures}
        record.given = self.ctx.keeper.copies(session, plain, paths)
        begun = self.view.begun(language)
        return record.id, [*self._frame(True, begun, None, language, settings), *skips]

    def on_again(
        self,
        record: RunRecord | None,
        language: str,
        session: str,
        settings: Mapping[str, Update] | None = None,
    ) -> tuple[str | None, list[Update]]:
        """As `on_run`, for a run of the visitor's that goes on, or is over, already; None where
        there is none to be seen."""
        skips = self.view.skips()
        if record is None:
            shown = [gr.skip()] * len(self.view.frame_outputs)
            return None, [*self._frame(False, shown, None, language, settings), *skips]
        self.ctx.store.adopt(session, self.tab, record)
        running = record.phase in ("waiting", "running")
        shown = [gr.skip()] * len(self.view.frame_outputs)
        if running:
            shown = self.view.begun(language)
        return record.id, [*self._frame(running, shown, None, language, settings), *skips]

    def on_busy(self, language: str) -> list[Update]:
        """Updates for `finish_outputs` where a run goes on, and something else was asked for."""
        error = UserError(
            "run_goes_on", "A run goes on here; wait for its end, or cancel it first."
        )
        shown = [gr.skip()] * len(self.view.frame_outputs)
        return [*self._frame(True, shown, error, language), *self.view.skips()]

    def on_stream(self, run_id: str | None, language: str, session: str) -> Iterator[list[Update]]:
        """For the view's `stream_outputs` as the run goes on."""
        # Gradio empties the outputs of a generator that yields nothing at all.
        yield self._nothing
        drive = self._drive(run_id, language, session)
        if drive is None:
            return
        with drive.watch() as unseen:
            while True:
                report = drive.take(unseen, EVERY_S)
                if report is not None:
                    yield self.view.reported(report, language)
                elif drive.is_over:
                    return
                else:
                    yield self._nothing

    async def stream(
        self, run_id: str | None, language: str, session: str
    ) -> AsyncIterator[list[Update]]:
        """As `on_stream`, without a thread for each page that waits."""
        yield self._nothing
        drive = self._drive(run_id, language, session)
        if drive is None:
            return
        with drive.watch() as unseen:
            quiet = 0.0
            while unseen or not drive.is_over:
                report = drive.take(unseen, 0)
                if report is not None:
                    quiet = 0.0
                    yield await anyio.to_thread.run_sync(self.view.reported, report, language)
                    continue
                if quiet >= EVERY_S:  # Gradio can close what yields
                    quiet = 0.0
                    yield self._nothing
                await asyncio.sleep(_POLL_S)
                quiet += _POLL_S

    @property
    def _nothing(self) -> list[Update]:
        return [gr.skip()] * len(self.view.stream_outputs)

    def _drive(self, run_id: str | None, language: str, session: str) -> Drive | None:
        """What keeps the pending run going."""
        ctx = self.ctx
        record = ctx.store.pending(session, self.tab, run_id)
        if record is None:
            return None
        if record.drive is None:
            reports = partial(follow, ctx.models, ctx.store, session, self.tab, run_id, language)
            if self.tab not in ctx.channels:  # it can be seen here and now alone
                record.drive = Drive(record, reports)
                return record.drive
            name = ctx.keeper.begin(session, self.tab, record)
            record.drive = Drive(
                record,
                reports,
                lambda alone: ctx.keeper.is_wanted(name, alone, LINE.num_waiting > 0),
                lambda record: ctx.keeper.end(name, self.tab, record),
            )
        return record.drive

    def on_finish(self, run_id: str | None, language: str, session: str) -> list[Update]:
        """Updates for `finish_outputs` when the stream has ended."""
        record = self.ctx.store.take_ended(session, self.tab, run_id)
        if record is None:
            return self._not_started(run_id, language, session)
        words = outcome_text(language, record)
        try:
            results = self.view.results(record, language, session)
            ended = self.view.ended(words, record if record.images else None)
        except Exception as error:  # a full disk, say: the page must not stay as if running
            ended = self.view.ended(words)
            return [*self._frame(False, ended, error, language), *self.view.skips()]
        return [*self._frame(False, ended, record.error, language), *results]

    def on_cancel(self, language: str, session: str) -> list[Update]:
        """Updates for [run, cancel, *the view's `frame_outputs`]."""
        record = self.ctx.store.cancel(session, self.tab)
        if record is not None and record.phase == "running":
            stopping = self.view.stopping(language)
            return [gr.skip(), gr.update(interactive=False), *stopping]
        return [*buttons(False), *self.view.ended(text(language, "common.status_not_started"))]

    def _frame(
        self,
        running: bool,
        shown: Sequence[Update],
        error: Exception | None,
        language: str,
        settings: Mapping[str, Update] | None = None,
    ) -> list[Update]:
        field = error.field if isinstance(error, UserError) else None
        note = notice_html(sentence(error, language, self.tab)) if error is not None else ""
        in_form = self.form.field_of(error) is not None
        at_checkpoint = field == "checkpoint" and not in_form
        return [
            *buttons(running),
            *shown,
            note if not in_form and not at_checkpoint else "",
            note if at_checkpoint else "",
            *self.form.error_updates(error, language, settings),
        ]

    def _not_started(self, run_id: str | None, language: str, session: str) -> list[Update]:
        """The stream ended without a run: it was cancelled, or the queue had no room for it."""
        record = self.ctx.store.pending(session, self.tab, run_id)
        if record is None or record.phase != "waiting":
            return [gr.skip()] * len(self.finish_outputs)
        self.ctx.store.cancel(session, self.tab)
        error = UserError(
            "run_queue_full", "Too many runs are waiting here; try again in a minute."
        )
        ended = self.view.ended(text(language, "common.status_failed"))
        return [*self._frame(False, ended, error, language), *self.view.skips()]


def connect_run(
    ctx: Context,
    tab: str,
    form: Form,
    bar: RunBar,
    view: RunView,
    prepare: Prepare,
    js: str | None = None,
    pictures: Pictures = lambda values: {},
) -> RunFlow:
    """Wire Run and Cancel of a tab; returns the handlers.

    Args:
        ctx, tab, form, bar, view: the tab's pieces.
        prepare: (values by field) -> what to run.
        js: what the browser does at a click on Run, as Gradio's events take it; its inputs are
            the language, the checkpoint above the tabs, and the form's controls.
        pictures: the same values -> paths of the pictures among them.
    """
    flow = RunFlow(ctx, tab, form, bar, view, prepare, pictures)
    ctx.flows[tab] = flow
    run_on_click(flow, bar.run, js=js)

    def on_cancel(language: str, request: gr.Request) -> list[Update]:
        return flow.on_cancel(language, request.session_hash or "")

    outputs = [bar.run, bar.cancel, *view.frame_outputs]
    ctx.quick(bar.cancel.click, on_cancel, [ctx.language], outputs)
    return flow


def run_on_click(
    flow: RunFlow,
    button: gr.Button,
    more: Mapping[str, Component] | None = None,
    js: str | None = None,
) -> None:
    """Let `button` start a run of the flow, too.

    `more` are components beside the form's whose values `prepare` gets under these names.
    """
    names = [*flow.form.controls, *(more or {})]
    inputs = [*flow.form.inputs, *(more or {}).values()]

    def on_run(
        request: gr.Request, language: str, checkpoint: str, *inputs: Update
    ) -> tuple[str | None, list[Update]]:
        values = {"checkpoint": checkpoint, **dict(zip(names, inputs, strict=True))}
        return flow.on_run(values, language, request.session_hash or "")

    inputs = [flow.ctx.language, flow.ctx.checkpoint, *inputs]
    start_run(flow, button.click, on_run, inputs, flow.finish_outputs, js)


def start_run(
    flow: RunFlow,
    trigger: EventListener,
    on_run: Callable[..., tuple[str | None, list[Update]]],
    inputs: Sequence[Component],
    outputs: Sequence[Component],
    js: str | None = None,
) -> None:
    """Let an event start a run, follow it and show what came of it.

    Args:
        flow: the tab's.
        trigger: the event.
        on_run: (request, *values of `inputs`) -> (id of the run or None, updates for `outputs`).
        inputs, outputs: of `on_run`.
        js: what the browser does first.
    """
    ctx, run_id = flow.ctx, gr.State(None)

    def on_start(request: gr.Request, *values: Update) -> list[Update]:
        new_id, updates = on_run(request, *values)
        return [new_id, *updates]

    async def on_stream(
        run: str | None, language: str, request: gr.Request
    ) -> AsyncIterator[list[Update]]:
        async for updates in flow.stream(run, language, request.session_hash or ""):
            yield updates

    def on_finish(run: str | None, language: str, request: gr.Request) -> list[Update]:
        return flow.on_finish(run, language, request.session_hash or "")

    started = ctx.quick(trigger, on_start, inputs, [run_id, *outputs], js=js)
    told = [run_id, ctx.language]
    streamed = ctx.watching(started.then, on_stream, told, flow.view.stream_outputs)
    ended = ctx.quick(streamed.then, on_finish, told, flow.finish_outputs)
    ctx.after_run(ended)
