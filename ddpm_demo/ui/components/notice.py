"""A place for one sentence about what went wrong or what to know."""

from __future__ import annotations

import html
from typing import Literal

import gradio as gr

Kind = Literal["error", "info"]


def notice() -> gr.HTML:
    """Empty, and taking no room, until it is given `notice_html(...)`."""
    return gr.HTML("", elem_classes=["notice"])


def notice_html(sentence: str, kind: Kind = "error") -> str:
    """The sentence as the value of a `notice()`; "" empties it."""
    if not sentence:
        return ""
    role = "alert" if kind == "error" else "status"
    return f'<p class="notice-{kind}" role="{role}">{html.escape(sentence)}</p>'
