"""The frame of the story: sections of beats to read, each with a pane that stays beside them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial

import gradio as gr

from ....texts import text
from ...context import Context
from .explain import explained, rendered
from .numbers import pane_value, start_value
from .shows import shows_of
from .web import pane_script, start_script

SECTIONS = {
    "why": ("why_1", "why_2", "why_3", "why_4"),
    "forward": ("forward_1", "forward_2", "forward_3", "forward_4"),
    "reverse": ("reverse_1", "reverse_2", "reverse_3", "reverse_4"),
    "training": ("training_1", "training_2", "training_3", "training_4"),
    "generation": ("generation_1", "generation_2", "generation_3", "generation_4"),
    "playground": ("playground_text",),
    "came": ("came_1", "came_2", "came_3"),
    "summary": ("summary_text",),
}
HOST = '<div class="story-host"></div>'
# Where the story leads: the tab's name and the key of the words.
WAYS_ON = {"generate": "show_generate", "denoise": "show_denoise", "inpaint": "show_inpaint",
           "finetune": "show_finetune"}  # fmt: skip


def start(ctx: Context) -> gr.HTML:
    """The first component of the tab: it brings the scripts, and later the picture in numbers."""
    return gr.HTML(
        start_value(ctx.texts.language),
        html_template="<span></span>",
        js_on_load=start_script(),
        elem_classes=["story-start"],
        padding=False,
    )


def pane(ctx: Context, name: str) -> gr.HTML:
    """The pane `name` here."""
    return ctx.make(
        gr.HTML,
        {"value": partial(pane_value, name)},
        html_template=HOST,
        apply_default_css=False,
        js_on_load=pane_script(name),
        elem_classes=["story-pane", f"pane-{name}"],
    )


def section(ctx: Context, name: str) -> gr.HTML:
    """The text of the section `name` in beats, with its pane beside."""
    with gr.Row(elem_classes=["story-section", f"section-{name}"]):
        with gr.Column(elem_classes=["story-text"], min_width=0):
            beats(ctx, SECTIONS[name])
        with gr.Column(elem_classes=["story-side"], min_width=0):
            return pane(ctx, name)


def wide_section(ctx: Context, name: str) -> gr.HTML:
    """The same one under the other, for a pane that needs the width."""
    with gr.Column(elem_classes=["story-section", "wide", f"section-{name}"], min_width=0):
        beats(ctx, SECTIONS[name])
        return pane(ctx, name)


def beats(ctx: Context, keys: Sequence[str]) -> None:
    """A column of texts, each of which is read by itself."""
    for key in keys:
        rendered(ctx, partial(_beat, key), "beat")


def _beat(key: str, language: str) -> str:
    """The text of a beat, and where the app shows it."""
    return "\n\n".join(filter(None, (explained(key, language), shows_of(key, language))))


def lab(ctx: Context, key: str) -> gr.Accordion:
    """A part that is worked with, closed at first: `with lab(ctx, "lab_reverse"):`."""
    return ctx.make(
        gr.Accordion, {"label": f"process.{key}"}, open=False, elem_classes=["story-lab"]
    )


def nav_html(language: str) -> str:
    """Links to the sections."""
    names = {name: html.escape(text(language, f"process.nav_{name}")) for name in SECTIONS}
    links = "".join(
        f'<a href="#{name}" data-to="{name}">{words}</a>' for name, words in names.items()
    )
    label = html.escape(text(language, "process.nav_label"))
    loading = html.escape(text(language, "common.status_loading"))
    wait = f'<span class="story-wait" role="status">{loading}</span>'
    return f'<nav class="story-nav" aria-label="{label}">{links}{wait}</nav>'


def ways_on_html(language: str) -> str:
    """Links from the end of the story into the tabs."""
    links = "".join(
        f'<a class="story-button" href="#{tab}" data-tab="{tab}">'
        f"{html.escape(text(language, f'process.{key}'))}</a>"
        for tab, key in WAYS_ON.items()
    )
    return f'<p class="story-ways">{links}</p>'
