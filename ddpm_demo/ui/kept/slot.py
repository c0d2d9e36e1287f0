"""Where the history stands on a tab, and the channel through which the tab is asked for it."""

from __future__ import annotations

import gradio as gr

from ..context import Context

# Gradio offers the events that a component's script names in quotation marks.
_ON_LOAD = 'window.ddpmKept && window.ddpmKept.tab("%s", props, trigger, ["select"]);'


def kept_slot(ctx: Context, tab: str) -> None:
    """Make here where the history stands while the tab is open, and the tab's own channel."""
    gr.HTML('<div class="kept-slot"></div>', elem_classes=["kept-place"], apply_default_css=False)
    ctx.channels[tab] = gr.HTML(
        {},
        html_template='<div class="kept-channel"></div>',
        js_on_load=_ON_LOAD % tab,
        apply_default_css=False,
        visible="hidden",
        elem_id=f"kept-{tab}",
    )
