"""From Run to the result: the wiring that every tab with a run shares.

Run checks the controls at once (`prepare`), then waits for the model and streams the live view,
then fills the result panel. Cancel sets a flag that the stream obeys at its next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency, EventListener

from ...errors import UserError
from ...texts import text
from ..context import Context, Update
from ..errors import sentence
from ..runner import follow, outcome_text
from ..sessions import RunRecord
from ..stream import Job
from .form import Form
from .live_view import LiveView, live_html, status_html
from .notice import notice_html
from .result import ResultPanel
from .run_bar import RunBar, buttons

# (values of the form by field, with "checkpoint") -> what to run; raises UserError
Prepare = Callable[[dict[str, Any]], Job]

# (the ended run, language, session) -> one value for each extra component
ExtraValues = Callable[[RunRecord, str, str], Sequence[Update]]


@dataclass(frozen=True)
class RunFlow:
    """The handlers of one tab, as plain functions of (..., language, session)."""

    ctx: Context
    tab: str
    form: Form
    bar: RunBar
    live: LiveView
    result: ResultPanel
    prepare: Prepare
    extra_outputs: Sequence[Component] = ()
    extra_values: ExtraValues | None = None

    @property
    def frame_outputs(self) -> list[Component]:
        """What a run changes besides the live view and the result."""
        return [
            self.bar.run,
            self.bar.cancel,
            self.live.status,
            self.bar.notice,
            self.ctx.checkpoint_notice,
            *self.form.error_outputs,
        ]

    @property
    def finish_outputs(self) -> list[Component]:
        """What changes at the end of a run."""
        return [*self.frame_outputs, *self.result.outputs, *self.extra_outputs]

    def on_run(
        self, values: dict[str, Any], language: str, session: str
    ) -> tuple[str | None, list[Update]]:
        """(id of the new run or None, updates for `frame_outputs` and the result's)."""
        try:
            job = self.prepare(values)
        except Exception as error:
            # Whatever went wrong, the page must go on: the sentence is all that changes.
            return None, [
                *self._frame(False, gr.skip(), error, language),
                *[gr.skip()] * len(self.result.outputs),
            ]
        record = self.ctx.store.begin(session, self.tab, job)
        status = status_html(text(language, "common.status_waiting"), busy=True)
        frame = self._frame(True, status, None, language)
        return record.id, [*frame, *self.result.skips(enabled=False)]

    def on_stream(
        self, run_id: str | None, language: str, session: str
    ) -> Iterator[tuple[Update, Update]]:
        """(live view, status line) as the run goes on."""
        ctx = self.ctx
        # Gradio empties the outputs of a generator that yields nothing at all.
        yield gr.skip(), gr.skip()
        for report in follow(ctx.models, ctx.store, session, self.tab, run_id, language):
            snapshot = report.snapshot
            view: Update = gr.skip()
            if snapshot is not None:
                view = live_html(
                    language,
                    snapshot.x_t,
                    snapshot.x0_hat,
                    eps=snapshot.eps,
                    num_shown=snapshot.num_shown,
                    num_images=snapshot.num_images,
                )
            yield view, status_html(report.status, busy=True)

    def on_finish(self, run_id: str | None, language: str, session: str) -> list[Update]:
        """Updates for `frame_outputs` and the result's when the stream has ended."""
        record = self.ctx.store.take_ended(session, self.tab, run_id)
        if record is None:
            return self._not_started(run_id, language, session)
        status = status_html(outcome_text(language, record))
        try:
            result = self._result_updates(record, language, session)
        except Exception as error:  # a full disk, say: the page must not stay as if running
            return [*self._frame(False, status, error, language), *self._finish_skips()]
        return [*self._frame(False, status, record.error, language), *result]

    def on_cancel(self, language: str, session: str) -> list[Update]:
        """Updates for [run, cancel, status]."""
        record = self.ctx.store.cancel(session, self.tab)
        if record is not None and record.phase == "running":
            status = status_html(text(language, "common.status_stopping"), busy=True)
            return [gr.skip(), gr.update(interactive=False), status]
        return [*buttons(False), status_html(text(language, "common.status_not_started"))]

    def _frame(
        self, running: bool, status: Update, error: Exception | None, language: str
    ) -> list[Update]:
        field = error.field if isinstance(error, UserError) else None
        note = notice_html(sentence(error, language, self.tab)) if error is not None else ""
        in_form = self.form.field_of(error) is not None
        at_checkpoint = field == "checkpoint" and not in_form
        return [
            *buttons(running),
            status,
            note if not in_form and not at_checkpoint else "",
            note if at_checkpoint else "",
            *self.form.error_updates(error, language),
        ]

    def _result_updates(self, record: RunRecord, language: str, session: str) -> list[Update]:
        extra: Sequence[Update] = [gr.skip()] * len(self.extra_outputs)
        if self.extra_values is not None and record.images:
            extra = self.extra_values(record, language, session)
        return [*self.result.updates(record, language, session), *extra]

    def _not_started(self, run_id: str | None, language: str, session: str) -> list[Update]:
        """The stream ended without a run: it was cancelled, or the queue had no room for it."""
        record = self.ctx.store.pending(session, self.tab, run_id)
        if record is None or record.phase != "waiting":
            return [gr.skip()] * len(self.finish_outputs)
        self.ctx.store.cancel(session, self.tab)
        error = UserError(
            "run_queue_full", "Too many runs are waiting here; try again in a minute."
        )
        status = status_html(text(language, "common.status_failed"))
        return [*self._frame(False, status, error, language), *self._finish_skips()]

    def _finish_skips(self) -> list[Update]:
        enabled = self.result.skips(enabled=True)
        return [*enabled, *[gr.skip()] * len(self.extra_outputs)]


def connect_run(
    ctx: Context,
    tab: str,
    form: Form,
    bar: RunBar,
    live: LiveView,
    result: ResultPanel,
    prepare: Prepare,
    extra_outputs: Sequence[Component] = (),
    extra_values: ExtraValues | None = None,
) -> RunFlow:
    """Wire Run and Cancel of a tab; returns the handlers.

    Args:
        ctx, tab, form, bar, live, result: the tab's pieces.
        prepare: (values by field) -> what to run.
        extra_outputs, extra_values: what else a finished run puts on the page.
    """
    flow = RunFlow(ctx, tab, form, bar, live, result, prepare, extra_outputs, extra_values)
    ctx.flows[tab] = flow
    run_on_click(flow, bar.run)

    def on_cancel(language: str, request: gr.Request) -> list[Update]:
        return flow.on_cancel(language, request.session_hash or "")

    ctx.quick(bar.cancel.click, on_cancel, [ctx.language], [bar.run, bar.cancel, live.status])
    return flow


def run_on_click(
    flow: RunFlow, button: gr.Button, more: Mapping[str, Component] | None = None
) -> None:
    """Let `button` start a run of the flow, too.

    `more` are components beside the form's whose values `prepare` gets under these names.
    """
    _connect(flow, button.click, more)


def run_after(flow: RunFlow, event: Dependency) -> None:
    """Let a run of the flow start when that event's handler is done."""
    _connect(flow, event.then, None)


def _connect(
    flow: RunFlow,
    trigger: EventListener | Callable[..., Dependency],
    more: Mapping[str, Component] | None,
) -> None:
    ctx, form, result = flow.ctx, flow.form, flow.result
    run_id = gr.State(None)
    names = [*form.controls, *(more or {})]
    inputs = [*form.inputs, *(more or {}).values()]

    def on_run(
        request: gr.Request, language: str, checkpoint: str, *inputs: Update
    ) -> list[Update]:
        values = {"checkpoint": checkpoint, **dict(zip(names, inputs, strict=True))}
        new_id, updates = flow.on_run(values, language, request.session_hash or "")
        return [new_id, *updates]

    def on_stream(
        run: str | None, language: str, request: gr.Request
    ) -> Iterator[tuple[Update, Update]]:
        yield from flow.on_stream(run, language, request.session_hash or "")

    def on_finish(run: str | None, language: str, request: gr.Request) -> list[Update]:
        return flow.on_finish(run, language, request.session_hash or "")

    started = ctx.quick(
        trigger,
        on_run,
        [ctx.language, ctx.checkpoint, *inputs],
        [run_id, *flow.frame_outputs, *result.outputs],
    )
    live = [flow.live.view, flow.live.status]
    streamed = ctx.heavy(started.then, on_stream, [run_id, ctx.language], live)
    ctx.quick(streamed.then, on_finish, [run_id, ctx.language], flow.finish_outputs)
