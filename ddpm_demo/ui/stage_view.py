"""From a run to the stage: what is shown while it goes on, what it has given, and its steps."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from ..texts import LANGUAGES, text
from .components.download import Downloads
from .components.live_view import status_html
from .context import Context, Update
from .exports import metadata_of
from .runner import Report, frame_text, outcome_text, place_text
from .sessions import RunRecord
from .stage import Said, Stage
from .stage.renditions import Rendition
from .stage.scene import Scene
from .stream import sheet_columns, sheet_of

# Pictures up to here stand side by side with hard pixels.
SMALL_EDGE = 128
# What a page is given at most: more samples than anybody looks at, each a file.
MAX_SAMPLES = 256
SHEET = "sheet"

Captions = Mapping[str, str]


@dataclass(frozen=True)
class Shown:
    """What of a finished run stands on the stage.

    Args:
        samples: the pictures of the strip.
        captions: of each, by language.
        before: what they are compared with, one for all; None for nothing.
        layers: {name: (captions, pictures)}: one for all, or one a sample.
        layer: name of the layer that is seen first; "" for the sample.
        chosen: index of the sample that is seen first.
        indices: which pictures of the run the samples are; () for all of them.
        columns: of the sheet of all samples; 0 for what fits.
        is_path: the samples lie on a path: the stage's slider goes along it, not through steps.
        moving: (name, captions, what makes it) of an animation, a further layer.
    """

    samples: Sequence[Image.Image]
    captions: Sequence[Captions] = ()
    before: Image.Image | None = None
    layers: Mapping[str, tuple[Captions, Sequence[Image.Image]]] = field(default_factory=dict)
    layer: str = ""
    chosen: int = 0
    indices: Sequence[int] = ()
    columns: int = 0
    is_path: bool = False
    moving: tuple[str, Captions, Callable[[], Rendition]] | None = None

    def index(self, sample: int) -> int:
        """Which picture of the run a sample is."""
        return self.indices[min(sample, len(self.indices) - 1)] if self.indices else sample


Show = Callable[[RunRecord], Shown]
Words = Callable[[RunRecord, int, str], str]


@dataclass(frozen=True)
class StageView:
    """A tab's stage with the line and the table below it; what `RunFlow` asks of a view.

    Args:
        status: one line: what came of the run, or which step is seen.
        measures: a table of numbers of the sample on the stage.
        files, send_buttons: on once there is a result.
        show: what a run has given -> what of it is on the stage.
        words: (run, index of a sample, language) -> the table, as HTML.
    """

    ctx: Context
    tab: str
    stage: Stage
    status: gr.HTML
    measures: gr.HTML
    files: Downloads
    send_buttons: Sequence[gr.Button]
    show: Show
    words: Words

    @property
    def frame_outputs(self) -> list[Component]:
        return [self.stage.component, self.status]

    @property
    def stream_outputs(self) -> list[Component]:
        return self.frame_outputs

    @property
    def result_outputs(self) -> list[Component]:
        return [self.measures, *self.files.buttons, *self.send_buttons]

    def begun(self, language: str) -> list[Update]:
        """For `frame_outputs`, when a run waits for its turn."""
        return [self.stage.progress(words=in_all("stage.starting")), status_html("")]

    def stopping(self, language: str) -> list[Update]:
        """For `frame_outputs`, when a run has been asked to end."""
        return [self.stage.progress(words=in_all("common.status_stopping")), gr.skip()]

    def ended(self, words: str, record: RunRecord | None = None) -> list[Update]:
        """For `frame_outputs`, when no run goes on any more; `record` is one with pictures."""
        if record is None:
            return [self.stage.idle(), status_html(words)]
        return [self.result(record), status_html(words)]

    def reported(self, report: Report, language: str) -> list[Update]:
        """For `stream_outputs`, as a run goes on."""
        shown, moment = report.snapshot, report.moment
        if report.place.ahead:
            words = {code: place_text(code, report.place) for code in LANGUAGES}
            return [self.stage.progress(words=words), gr.skip()]
        if shown is None and moment is None:
            if not report.is_loading:  # between two steps: what is seen stays
                return [gr.skip(), gr.skip()]
            return [self.stage.progress(words=in_all("common.status_loading")), gr.skip()]
        if shown is None:
            told = {"step": moment.step, "num_steps": moment.num_steps or None}
            told |= {"tile": moment.tiles, "num_tiles": moment.num_tiles}
            told |= {"share": moment.share, "seconds_left": moment.seconds_left}
            told |= _cells(report, moment.step, moment.num_steps)
            return [self.stage.progress(**told), gr.skip()]
        progress = self.stage.progress(
            shown.x0_hat,
            shown.x_t if shown.x_t is not shown.x0_hat else None,
            step=shown.index,
            num_steps=shown.num_steps,
            seconds_left=report.seconds_left,
            **_cells(report, shown.index, shown.num_steps),
        )
        for name in ("x0_hat", "x_t"):
            if name not in progress:
                continue
            progress[name]["sheet"] = is_sheet(shown.num_shown, shown.images[0])
        return [progress, gr.skip()]

    def results(self, record: RunRecord, language: str, session: str) -> list[Update]:
        """For `result_outputs`: what the run left; all that is there stays if it left nothing."""
        if not record.images:
            return self.skips()
        chosen = self.show(record).chosen
        return [
            self.words(record, chosen, language),
            *self.files.updates(True),
            *[gr.update(interactive=True) for _ in self.send_buttons],
        ]

    def skips(self) -> list[Update]:
        """For `result_outputs`: all stays."""
        return [gr.skip()] * len(self.result_outputs)

    def compared(self, record: RunRecord, before: Image.Image, sample: int) -> Scene:
        """The scene with a sample of a result over another picture, which was there before."""
        shown = self.show(record)
        return self.result(
            record, dataclasses.replace(shown, before=before, layer="", chosen=sample)
        )

    def result(self, record: RunRecord, shown: Shown | None = None) -> Scene:
        """The scene of a run with pictures.

        Args:
            record: the run.
            shown: what of it is on the stage; None for what the tab shows.
        """
        shown = shown or self.show(record)
        samples = list(shown.samples[:MAX_SAMPLES])
        indices = [shown.index(sample) for sample in range(len(samples))]
        layers = {name: layer for name, layer in shown.layers.items() if name != SHEET}
        layer, columns = shown.layer, 0
        if len(samples) > 1 and is_sheet(len(samples), samples[0]):
            columns = shown.columns or sheet_columns(len(samples), samples[0].size)
            sheet = sheet_of(samples, columns)
            layers = {SHEET: (in_all("common.sheet"), [sheet]), **layers}
        elif layer == SHEET:
            layer = ""
        scene = self.stage.result(
            samples,
            before=shown.before,
            layers=layers,
            layer=layer,
            columns=columns,
            chosen=shown.chosen,
            captions=shown.captions[:MAX_SAMPLES],
            names=[f"{record.job.picture_name(index)}.png" for index in indices],
            recipes=[metadata_of(record, index) for index in indices],
            num_steps=_num_frames(record),
            is_path=shown.is_path,
        )
        if shown.moving is not None:
            name, captions, make = shown.moving
            told = {"name": name, "caption": captions, "pictures": [make()]}
            scene["layers"].append(told)
        for layer_told in scene["layers"]:
            for picture in layer_told["pictures"]:
                picture["sheet"] = layer_told["name"] == SHEET
        return scene

    # What the visitor does with a result.

    def on_step(
        self, record: RunRecord | None, said: Said, language: str
    ) -> tuple[Update, Update]:
        """(stage, status) at the step that is asked for, from what is stored."""
        frame = record.frame_at(said.step or 0) if record is not None else None
        if record is None or frame is None:
            return gr.skip(), status_html(text(language, "common.status_gone"))
        record.shown_index = frame.index
        x_t, x0_hat = frame.pictures()
        whole = said.layer == SHEET
        if not whole:
            place = record.columns, record.num_shown, said.sample
            x_t, x0_hat = cell(x_t, *place), cell(x0_hat, *place)
        scene = self.stage.step(said.step or 0, x0_hat, x_t)
        for name in ("picture", "x_t"):
            scene[name]["sheet"] = whole
        line = frame_text(language, frame.index, record.num_steps, frame.t, frame.num_evaluations)
        return scene, status_html(line)

    def on_select(
        self, record: RunRecord | None, said: Said, language: str
    ) -> tuple[Update, Update]:
        """(status, measures) of the sample that is on the stage now."""
        if record is None or not record.images:
            return gr.skip(), gr.skip()
        record.shown_index = record.last.index if record.last is not None else 0
        status = status_html(outcome_text(language, record))
        return status, self.words(record, said.sample, language)

    def relabelled(self, record: RunRecord | None, language: str) -> tuple[Update, Update]:
        """(status, measures) as they are, in another language; the stage does it itself."""
        if record is None or not record.images:
            return status_html(""), ""
        return status_html(outcome_text(language, record)), self.words(
            record, self.show(record).chosen, language
        )


def connect_view(view: StageView) -> None:
    """Let the stage's slider, strip and layers answer."""
    ctx, stage = view.ctx, view.stage

    def record_of(request: gr.Request) -> RunRecord | None:
        return ctx.store.result(request.session_hash or "", view.tab)

    def on_step(said: Any, language: str, request: gr.Request) -> tuple[Update, Update]:  # noqa: ANN401
        return view.on_step(record_of(request), stage.read(said), language)

    def on_select(said: Any, language: str, request: gr.Request) -> tuple[Update, Update]:  # noqa: ANN401
        return view.on_select(record_of(request), stage.read(said), language)

    def on_language(language: str, session: str) -> Sequence[Update]:
        return view.relabelled(ctx.store.result(session, view.tab), language)

    inputs, latest = [stage.said, ctx.language], {"trigger_mode": "always_last"}
    ctx.quick(stage.on_step, on_step, inputs, [stage.component, view.status], **latest)
    ctx.quick(stage.on_select, on_select, inputs, [view.status, view.measures], **latest)
    ctx.on_language(on_language, [view.status, view.measures])


def in_all(key: str, **params: object) -> dict[str, str]:
    """A text in every language, for what follows the switch on the page itself."""
    return {language: text(language, key, **params) for language in LANGUAGES}


def is_sheet(count: int, picture: Image.Image) -> bool:
    """Whether that many such pictures are seen best side by side."""
    return count > 1 and max(picture.size) <= SMALL_EDGE


def cell(grid: Image.Image, columns: int, num_shown: int, index: int) -> Image.Image:
    """Picture `index` of a grid of `stream.preview_grid`; the last of them if it is not there."""
    width, height = grid.width / columns, grid.height / math.ceil(num_shown / columns)
    row, column = divmod(min(max(0, index), num_shown - 1), columns)
    edges = (column * width, row * height, (column + 1) * width, (row + 1) * height)
    return grid.crop(tuple(round(edge) for edge in edges))


def _num_frames(record: RunRecord) -> int:
    """Length of the slider through the steps; a sheet has none, nor have older results."""
    if record.last is None or record.job.counts == "cell" or not record.frames:
        return 0
    return record.last.index + 1


def _cells(report: Report, index: int, total: int) -> dict[str, Any]:
    """What is said of a sheet instead of steps."""
    if report.counts != "cell":
        return {}
    return {"words": in_all("common.status_cell", index=index, total=total)}
