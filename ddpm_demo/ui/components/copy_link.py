"""A button that copies the address of the page with the recipe of the last run."""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from ...errors import UserError
from ...texts import text
from ..context import Context
from ..errors import sentence
from ..links import address_of
from .notice import notice_html

_COPY = "(hash, words) => { if (hash && window.ddpmLink) window.ddpmLink.copy(hash, words); }"


def copy_link(ctx: Context, tab: str, notice: Component) -> gr.Button:
    """Make the button here, off until there is a result.

    Args:
        ctx, tab: whose last run is linked.
        notice: where it says what it has done.
    """
    with gr.Row(elem_classes=["downloads"]):
        button = ctx.make(
            gr.Button, {"value": "common.copy_link"}, size="sm", interactive=False, min_width=60
        )
    address, words = gr.Textbox(visible=False), gr.Textbox(visible=False)

    def on_click(language: str, request: gr.Request) -> tuple[str, str, str]:
        record = ctx.store.result(request.session_hash or "", tab)
        if record is None:
            error = UserError(
                "nothing_to_download", "There is no result to download yet; run first."
            )
            return "", "", notice_html(sentence(error, language))
        said = text(language, "common.link_copied")
        return address_of(record.job.recipe), said, notice_html(said, "info")

    copied = ctx.quick(button.click, on_click, [ctx.language], [address, words, notice])
    ctx.quick(copied.then, None, [address, words], None, js=_COPY)
    return button
