"""The result of a run: gallery, a slider through its steps, downloads, "send to"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from ...texts import text
from ..context import Context, Update
from ..exports import EXPORTS, export, write_pictures
from ..runner import frame_text, outcome_text
from ..sessions import RunRecord
from .download import Downloads, downloads
from .live_view import PANES, LiveView, empty_html, live_html, status_html
from .selected import selected_index
from .send_to import send_to_row

MAX_FEW = 4
MAX_GALLERY = 256


@dataclass(frozen=True)
class ResultPanel:
    """The components of a tab's result.

    Args:
        gallery: the pictures.
        scrubber: over the steps of the last run.
        files: the download buttons.
        send_buttons: "send to" buttons.
        strip: whether the gallery is low, under a large view of one of its pictures.
    """

    ctx: Context
    tab: str
    live: LiveView
    gallery: gr.Gallery
    scrubber: gr.Slider
    files: Downloads
    send_buttons: list[gr.Button]

    @property
    def outputs(self) -> list[Component]:
        return [self.gallery, *self.files.buttons, *self.send_buttons]

    def updates(self, record: RunRecord, language: str, session: str) -> list[Update]:
        """For `outputs`: what the run left; all that is there stays if it left nothing."""
        if not record.images:
            return [gr.skip()] * len(self.outputs)
        paths = write_pictures(record, self.ctx.store.folder(session))
        items = [(str(path), path.stem) for path in paths[:MAX_GALLERY]]
        return [
            gr.update(
                value=items,
                label=_label(record, language),
                columns=max(2, min(MAX_FEW, len(items))),
                elem_classes=gallery_classes(len(items)),
                selected_index=None,
            ),
            *self.files.updates(True),
            *[gr.update(interactive=True) for _ in self.send_buttons],
        ]


def result_panel(
    ctx: Context,
    tab: str,
    live: LiveView,
    notice: Component,
    scrubber: gr.Slider,
) -> ResultPanel:
    """Make the panel here.

    Args:
        ctx: the page.
        tab: whose runs it shows.
        live: the view that the slider shows its steps in.
        notice: where a sentence goes when a download fails.
        scrubber: a `step_slider` made elsewhere.
    """
    gallery = gr.Gallery(
        label=ctx.text("common.result"),
        format="png",
        columns=MAX_FEW,
        fit_columns=False,
        object_fit="scale-down",
        buttons=["download", "fullscreen"],
        interactive=False,
        elem_classes=gallery_classes(0),
    )

    def make_file(kind: str, session: str) -> Update:
        return export(ctx.store.result(session, tab), kind, ctx.store.folder(session))

    files = downloads(ctx, EXPORTS, make_file, notice)
    chosen = gr.State(0)
    ctx.quick(gallery.select, _on_select, None, [chosen])
    send_buttons = send_to_row(ctx, tab, chosen, int, notice)
    panel = ResultPanel(ctx, tab, live, gallery, scrubber, files, send_buttons)
    _connect_scrubber(panel)
    return panel


def _on_select(event: gr.EventData) -> int:
    return selected_index(event)


def step_slider(ctx: Context) -> gr.Slider:
    """The slider through the steps of the last run, here."""
    return ctx.make(
        gr.Slider,
        {"label": "common.scrubber", "info": "common.scrubber_help"},
        minimum=0,
        maximum=1,
        value=0,
        step=1,
        interactive=False,
        elem_classes=["scrubber"],
    )


def gallery_classes(num_images: int) -> list[str]:
    """Few pictures are shown in one row, many in as many columns as fit."""
    return ["pixels", "result", *(["many"] if num_images > MAX_FEW else [])]


def _connect_scrubber(panel: ResultPanel) -> None:
    ctx, tab, live = panel.ctx, panel.tab, panel.live

    def on_scrub(index: float, language: str, request: gr.Request) -> tuple[Update, Update]:
        record = ctx.store.result(request.session_hash or "", tab)
        return scrub_to(record, int(index or 0), language)

    ctx.quick(
        panel.scrubber.input,
        on_scrub,
        [panel.scrubber, ctx.language],
        [live.view, live.status],
        trigger_mode="always_last",
    )

    def on_language(language: str, session: str) -> list[Update]:
        record = ctx.store.result(session, tab)
        shown = relabelled(record, language, live.names)
        return [*shown, gr.update(label=_label(record, language))]

    ctx.on_language(on_language, [live.view, live.status, panel.gallery])


def scrub_to(record: RunRecord | None, index: int, language: str) -> tuple[Update, Update]:
    """(live view, status line) at step `index` of the run, from what is stored."""
    frame = record.frame_at(index) if record is not None else None
    if record is None or frame is None:
        return gr.skip(), status_html(text(language, "common.status_gone"))
    record.shown_index = frame.index
    line = frame_text(language, frame.index, record.num_steps, frame.t, frame.num_evaluations)
    return frame_html(record, frame.index, language), status_html(line)


def frame_html(record: RunRecord, index: int, language: str) -> str:
    """The live view at the stored step nearest to `index`."""
    frame = record.frame_at(index)
    if frame is None:
        return empty_html(language)
    x_t, x0_hat = frame.pictures()
    return live_html(
        language,
        x_t,
        x0_hat,
        eps=frame.eps_picture(),
        num_shown=record.num_shown,
        num_images=len(record.images),
    )


def relabelled(
    record: RunRecord | None, language: str, names: Sequence[str] = PANES
) -> tuple[Update, Update]:
    """(live view with panes of these names, status line) as they are, in another language."""
    if record is None or record.last is None:
        return empty_html(language, names), status_html("")
    view = frame_html(record, record.shown_index, language)
    if record.shown_index == record.last.index:
        return view, status_html(outcome_text(language, record))
    return view, scrub_to(record, record.shown_index, language)[1]


def _label(record: RunRecord | None, language: str) -> str:
    """The gallery's label, which says so when a run was stopped."""
    if record is None or record.last is None:
        return text(language, "common.result")
    last = record.last
    label = text(language, "common.result")
    if record.is_unfinished:
        label = text(language, "common.result_unfinished", index=last.index, total=last.num_steps)
    if len(record.images) > MAX_GALLERY:
        count = text(language, "common.first_of", shown=MAX_GALLERY, total=len(record.images))
        label = text(language, "common.status_join").join([label, count])
    return label
