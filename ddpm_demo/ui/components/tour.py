"""A guided tour: a line in the header, and a card that goes from tab to tab."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import gradio as gr

from ...texts import text
from ..relabel import Texts

# Tabs in the order of the tour; those that a page does not have are left out by the script.
STOPS = ("generate", "denoise", "inpaint", "upscale", "process", "finetune")
_WORDS = ("title", "start", "skip", "back", "next", "end")
_FOLDER = Path(__file__).parent


def build_tour(texts: Texts) -> None:
    """The line with which the tour starts, here; nothing opens by itself."""
    texts.make(
        gr.HTML,
        {"value": tour_value},
        html_template='<div class="tour-host"></div>',
        js_on_load=tour_script(),
        apply_default_css=False,
        elem_classes=["tour-slot"],
        min_width=0,
    )


def tour_value(language: str) -> str:
    """The words of the tour as JSON."""
    words = {name: text(language, f"tour.{name}") for name in _WORDS}
    steps = [
        {
            "tab": tab,
            "title": text(language, f"tabs.{tab}"),
            "text": text(language, f"tour.of_{tab}"),
        }
        for tab in STOPS
    ]
    return json.dumps({**words, "steps": steps}, ensure_ascii=False)


@cache
def tour_script() -> str:
    """For the component with which the tour starts; the style goes into the page with it."""
    script, style = (
        (_FOLDER / f"tour.{kind}").read_text(encoding="utf-8") for kind in ("js", "css")
    )
    return f"{script}\nddpmTour.mount(element, props, watch, {json.dumps(style)});"
