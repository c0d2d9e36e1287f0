"""The frames of a finished interpolation: a slider through them, the animation, the strip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from ...components.form import Form
from ...context import Context, Update
from ...sessions import RunRecord
from .views import DEFAULT_FPS, frame_html, is_complete, moving_html, report_html, strip_html


@dataclass(frozen=True)
class Between:
    """The components; `outputs` are those that a finished run gives new values."""

    tab: str
    frame: gr.HTML
    moving: gr.HTML
    strip: gr.HTML
    report: gr.HTML
    column: gr.Slider
    row: gr.Slider
    there_and_back: gr.Checkbox
    fps: gr.Slider

    @property
    def outputs(self) -> list[Component]:
        return [self.frame, self.moving, self.strip, self.report, self.column, self.row]

    def values(self, record: RunRecord, language: str, session: str) -> list[Update]:
        """For `outputs`; the sliders start in the middle."""
        if not is_complete(record):
            return [gr.skip()] * len(self.outputs)
        last = record.job.recipe.num_between + 1
        is_grid = len(record.job.recipe.ends) == 4
        middle = last // 2
        record.options["place"] = (middle, middle)
        slider = {"maximum": last, "value": middle, "interactive": True}
        return [
            *self.pictures(record, middle, middle, language),
            gr.update(**slider),
            gr.update(**slider, visible=is_grid),
        ]

    @staticmethod
    def pictures(
        record: RunRecord | None, column: int, row: int, language: str
    ) -> Sequence[Update]:
        """For the first four of `outputs`."""
        return [
            frame_html(record, column, row, language),
            moving_html(record, language),
            strip_html(record, language),
            report_html(record, language),
        ]


def between_view(ctx: Context, form: Form, tab: str) -> Between:
    """Make the view here."""
    language = ctx.texts.language
    with gr.Row(elem_classes=["between"]):
        with gr.Column(min_width=240):
            frame = gr.HTML(frame_html(None, 0, 0, language), elem_classes=["live"])
            column = _slider(ctx, "interpolate.column")
            row = _slider(ctx, "interpolate.row", visible=False)
        with gr.Column(min_width=240):
            moving = gr.HTML(moving_html(None, language), elem_classes=["live"])
            with gr.Row():
                fps = form.add("fps", gr.Slider, minimum=1, maximum=30, step=1, value=DEFAULT_FPS)
                there_and_back = form.add("there_and_back", gr.Checkbox, value=True)
    strip = gr.HTML("", elem_classes=["live"])
    report = gr.HTML("", elem_classes=["report"])
    view = Between(tab, frame, moving, strip, report, column, row, there_and_back, fps)
    _connect(ctx, view)
    return view


def _slider(ctx: Context, key: str, visible: bool = True) -> gr.Slider:
    return ctx.make(
        gr.Slider,
        {"label": key},
        minimum=0,
        maximum=1,
        value=0,
        step=1,
        interactive=False,
        visible=visible,
        elem_classes=["scrubber"],
    )


def _connect(ctx: Context, view: Between) -> None:
    def on_move(column: float, row: float, language: str, request: gr.Request) -> str:
        record = ctx.store.result(request.session_hash or "", view.tab)
        return moved_to(record, column, row, language)

    def on_option(there_and_back: bool, fps: float, language: str, request: gr.Request) -> Update:
        record = ctx.store.result(request.session_hash or "", view.tab)
        return with_options(record, there_and_back, fps, language)

    for slider in (view.column, view.row):
        inputs = [view.column, view.row, ctx.language]
        ctx.quick(slider.input, on_move, inputs, [view.frame], trigger_mode="always_last")
    options = [view.there_and_back, view.fps, ctx.language]
    for option in (view.there_and_back, view.fps):
        ctx.quick(option.input, on_option, options, [view.moving], trigger_mode="always_last")

    def on_language(language: str, session: str) -> Sequence[Update]:
        record = ctx.store.result(session, view.tab)
        column, row = record.options.get("place", (0, 0)) if record is not None else (0, 0)
        return view.pictures(record, column, row, language)

    ctx.on_language(on_language, view.outputs[:4])


def moved_to(record: RunRecord | None, column: float, row: float, language: str) -> str:
    """The frame at that place, from the stored pictures."""
    if record is not None:
        record.options["place"] = (int(column or 0), int(row or 0))
    return frame_html(record, int(column or 0), int(row or 0), language)


def with_options(
    record: RunRecord | None, there_and_back: bool, fps: float, language: str
) -> Update:
    """The animation of the stored frames with other options, which its files will have too."""
    if record is None:
        return gr.skip()
    record.options.update(there_and_back=there_and_back, fps=fps)
    return moving_html(record, language)
