"""Background: what diffusion is about, over the picture's way to noise."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from ...context import Context, Update
from .explain import explanation
from .forward import loading_html, strip_html
from .subject import Subject


class Background:
    """The section; `outputs` get the values of `render`."""

    def __init__(self, ctx: Context):
        with gr.Row(elem_classes=["lesson"]):
            with gr.Column(elem_classes=["lesson-text"], min_width=280):
                explanation(ctx, "background_text")
            with gr.Column(elem_classes=["lesson-view"], min_width=280):
                self.strip = gr.HTML(loading_html(ctx.texts.language), elem_classes=["live"])
                explanation(ctx, "background_symbols")

    @property
    def outputs(self) -> list[Component]:
        return [self.strip]

    def render(self, subject: Subject, language: str) -> list[Update]:
        """For `outputs`."""
        return [strip_html(subject, language, "process.background_strip")]
