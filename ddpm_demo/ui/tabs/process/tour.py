"""A guided tour: a line at the end of the page, and a card that goes from tab to tab."""

from __future__ import annotations

import json

import gradio as gr

from ....texts import text
from ...context import Context
from .web import tour_script

# Tabs in the order of the tour; those that a page does not have are left out by the script.
STOPS = ("generate", "denoise", "inpaint", "upscale", "process", "finetune")
_WORDS = ("title", "first", "start", "again", "no", "skip", "back", "next", "end")


def build_tour(ctx: Context) -> None:
    """The line with which the tour starts, here; nothing opens by itself."""
    ctx.make(
        gr.HTML,
        {"value": tour_value},
        html_template='<div class="tour-host"></div>',
        js_on_load=tour_script(),
        apply_default_css=False,
        elem_classes=["tour-slot"],
    )


def tour_value(language: str) -> str:
    """The words of the tour as JSON."""
    words = {name: text(language, f"process.tour_{name}") for name in _WORDS}
    steps = [
        {
            "tab": tab,
            "title": text(language, f"tabs.{tab}"),
            "text": text(language, f"process.tour_of_{tab}"),
        }
        for tab in STOPS
    ]
    return json.dumps({**words, "steps": steps}, ensure_ascii=False)
