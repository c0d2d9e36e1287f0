"""The result beside what was given: before/after slider, measures, mean and uncertainty."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from ...texts import has_text, text
from ..components.before_after import before_after, before_after_value
from ..components.result import ResultPanel
from ..context import Context, Update
from ..exports import write_extras
from ..sessions import RunRecord


@dataclass(frozen=True)
class Comparison:
    """The components of a comparison.

    Args:
        against: which picture stands on the left of the slider.
        slider: before and after.
        measures: a table of numbers.
        beside: the pictures beside the result.
        chosen: index of the result on the right of the slider.
    """

    ctx: Context
    tab: str
    against: gr.Radio
    slider: gr.ImageSlider
    measures: gr.HTML
    beside: gr.Gallery
    chosen: gr.State

    @property
    def outputs(self) -> list[Component]:
        return [self.against, self.slider, self.measures, self.beside, self.chosen]

    def values(self, record: RunRecord, language: str, session: str) -> list[Update]:
        """For `outputs`, after a run."""
        choices = against_choices(record, language)
        against = choices[0][1] if choices else ""
        pictures = pictures_beside(record)
        paths = write_extras(record, pictures, self.ctx.store.folder(session))
        items = [(str(path), caption(record, name, language)) for name, path in paths.items()]
        return [
            gr.update(choices=choices, value=against, visible=len(choices) > 1),
            slider_value(record, against, 0),
            measures_html(record, 0, language),
            gr.update(value=items, visible=True, columns=len(items)),
            0,
        ]

    def on_choice(
        self, against: str, chosen: int, language: str, session: str
    ) -> tuple[Update, Update]:
        """(slider, measures) for the pictures chosen on either side."""
        record = self.ctx.store.result(session, self.tab)
        if record is None or against not in record.extras:
            return gr.skip(), gr.skip()
        return slider_value(record, against, chosen), measures_html(record, chosen, language)


def comparison(ctx: Context, tab: str) -> Comparison:
    """Make the slider and the measures here; whoever has a place for `beside` renders it."""
    against = gr.Radio(
        label=ctx.text("restoration.against"),
        choices=[],
        visible=False,
        interactive=True,
        elem_classes=["choices"],
    )
    slider = before_after(ctx)
    measures = gr.HTML("", elem_classes=["measures"])
    beside = ctx.make(
        gr.Gallery,
        {"label": "restoration.beside"},
        format="png",
        object_fit="scale-down",
        buttons=["download", "fullscreen"],
        interactive=False,
        visible=False,
        elem_classes=["pixels", "result", "strip"],
        render=False,
    )
    return Comparison(ctx, tab, against, slider, measures, beside, gr.State(0))


def connect_comparison(found: Comparison, result: ResultPanel) -> None:
    """A click on a result, or on what to compare it with, changes the slider."""
    ctx = found.ctx

    def on_pick(
        request: gr.Request, against: str, language: str, event: gr.SelectData
    ) -> tuple[Update, ...]:
        index = event.index if isinstance(event.index, int) else 0
        session = request.session_hash or ""
        return index, *found.on_choice(against, index, language, session)

    def on_against(
        request: gr.Request, against: str, chosen: int, language: str
    ) -> tuple[Update, ...]:
        return found.on_choice(against, chosen, language, request.session_hash or "")

    shown = [found.slider, found.measures]
    inputs = [found.against, ctx.language]
    ctx.quick(result.gallery.select, on_pick, inputs, [found.chosen, *shown])
    inputs = [found.against, found.chosen, ctx.language]
    ctx.quick(found.against.input, on_against, inputs, shown)

    def on_language(language: str, session: str) -> Sequence[Update]:
        label = text(language, "restoration.against")
        record = ctx.store.result(session, found.tab)
        if record is None or not record.images:
            return [gr.update(label=label), gr.skip()]
        choices = against_choices(record, language)
        return [gr.update(label=label, choices=choices), measures_html(record, 0, language)]

    ctx.on_language(on_language, [found.against, found.measures])


def pictures_beside(record: RunRecord) -> dict[str, Image.Image]:
    """The pictures beside the result, by name."""
    return {
        name: record.extras[name] for name in record.job.recipe.beside if name in record.extras
    }


def caption(record: RunRecord, name: str, language: str) -> str:
    """What a picture beside the result is."""
    if name != "uncertainty":
        key = f"restoration.{name}"
        return text(language, key) if has_text(key) else name
    levels = f"{record.extras['uncertainty_255']:.0f}"
    return text(language, "restoration.uncertainty", levels=levels)


def against_choices(record: RunRecord, language: str) -> list[tuple[str, str]]:
    """(words, name) of what a result can be compared with."""
    names = [name for name in ("observed", "original", "mean") if name in record.extras]
    return [(text(language, f"restoration.{name}"), name) for name in names]


def slider_value(
    record: RunRecord, against: str, chosen: int
) -> tuple[Image.Image, Image.Image] | None:
    """(left, right) of the slider, of one size; None where there is nothing to compare with."""
    if against not in record.extras:
        return None
    after = record.images[min(max(0, chosen), len(record.images) - 1)]
    return before_after_value(record.extras[against], after)


def measured(record: RunRecord, index: int) -> Mapping[str, Any]:
    """The metrics of result `index`; empty before the end of a run."""
    if index >= len(record.metadata):
        return {}
    return record.metadata[index].get("metrics", {})


def measures_html(record: RunRecord, index: int, language: str) -> str:
    """The numbers of result `index` as a list, those that it has."""
    items = "".join(
        f"<div><dt>{html.escape(label)}</dt><dd>{html.escape(words)}</dd></div>"
        for label, words in measure_words(measured(record, index), language)
    )
    return f'<dl class="measures-list">{items}</dl>' if items else ""


def measure_words(metrics: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """(what is measured, how much of it) for each of the metrics that are there."""
    words = []
    if "sigma_255" in metrics:
        kind = "sigma_estimated" if metrics.get("sigma_estimated") else "sigma_given"
        level = f"{metrics['sigma_255']:.1f}"
        words.append((text(language, f"restoration.{kind}"), level))
    for name, form, unit in (("psnr", "{:.1f}", "restoration.decibels"), ("ssim", "{:.3f}", "")):
        if name not in metrics:
            continue
        value = form.format(metrics[name])
        value = text(language, unit, value=value) if unit else value
        if f"baseline_{name}" in metrics:
            other = form.format(metrics[f"baseline_{name}"])
            other = text(language, unit, value=other) if unit else other
            key = f"restoration.baseline_{metrics['baseline']}"
            value = text(language, key, value=value, other=other)
        words.append((text(language, f"restoration.{name}"), value))
    if "consistency_255" in metrics:
        levels = f"{metrics['consistency_255']:.2f}"
        words.append(
            (
                text(language, "restoration.consistency"),
                text(language, "restoration.levels", levels=levels),
            )
        )
    return words
