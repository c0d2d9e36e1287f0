"""A run seen in panes: x_t beside x0_hat, a status line, a gallery; `RunFlow`'s other view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from ...texts import text
from ..context import Update
from ..runner import Report
from ..sessions import RunRecord
from .live_view import LiveView, live_html, status_html
from .result import ResultPanel

# (the ended run, language, session) -> one value for each extra component
ExtraValues = Callable[[RunRecord, str, str], Sequence[Update]]


@dataclass(frozen=True)
class PanelView:
    """The panes, the gallery below them, and what else a tab fills after a run."""

    live: LiveView
    result: ResultPanel
    extra_outputs: Sequence[Component] = ()
    extra_values: ExtraValues | None = None

    @property
    def frame_outputs(self) -> list[Component]:
        return [self.live.status, self.result.scrubber]

    @property
    def stream_outputs(self) -> list[Component]:
        return [self.live.view, self.live.status]

    @property
    def result_outputs(self) -> list[Component]:
        return [*self.result.outputs, *self.extra_outputs]

    def begun(self, language: str) -> list[Update]:
        words = text(language, "common.status_waiting")
        return [status_html(words, busy=True), gr.update(interactive=False)]

    def stopping(self, language: str) -> list[Update]:
        words = text(language, "common.status_stopping")
        return [status_html(words, busy=True), gr.skip()]

    def ended(self, words: str, record: RunRecord | None = None) -> list[Update]:
        line = status_html(words) if words else gr.skip()
        if record is None or record.last is None:
            return [line, gr.update(interactive=True)]
        last = record.last.index
        slider = {"minimum": 0, "maximum": max(1, last), "value": last, "interactive": True}
        return [line, gr.update(**slider)]

    def reported(self, report: Report, language: str) -> list[Update]:
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
        return [view, status_html(report.status, busy=True)]

    def results(self, record: RunRecord, language: str, session: str) -> list[Update]:
        extra: Sequence[Update] = [gr.skip()] * len(self.extra_outputs)
        if self.extra_values is not None and record.images:
            extra = self.extra_values(record, language, session)
        return [*self.result.updates(record, language, session), *extra]

    def skips(self) -> list[Update]:
        return [gr.skip()] * len(self.result_outputs)
