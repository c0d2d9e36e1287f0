""" "Send to": hand the picture chosen in a gallery to another tab.

A tab that takes pictures calls `ctx.receive(tab, component)`; every result panel then has a button
for it.
"""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr
from gradio.components import Component

from ...errors import UserError
from ...texts.naming import task_title
from ..context import Context, Update
from ..errors import sentence
from ..exports import write_pictures
from ..sessions import Store
from .notice import notice_html


def send_to_row(ctx: Context, tab: str, gallery: gr.Gallery, notice: Component) -> list[gr.Button]:
    """Make the row of buttons here; none when no other tab takes pictures."""
    others = [name for name in ctx.receiving_tabs if name != tab]
    if not others:
        return []
    chosen = gr.State(0)
    ctx.quick(gallery.select, _on_select, None, [chosen])
    with gr.Row(elem_classes=["send-to"]):
        ctx.make(gr.HTML, {"value": "common.send_to"}, elem_classes=["row-label"], min_width=0)
        targets = {
            name: ctx.make(
                gr.Button, {"value": _title(name)}, size="sm", interactive=False, min_width=60
            )
            for name in others
        }
    # The other tabs' components are there only when all tabs have been built.
    ctx.at_end(lambda: _connect(ctx, tab, targets, chosen, notice))
    return list(targets.values())


def _title(name: str) -> Callable[[str], str]:
    """A tab's title in any language."""
    return lambda language: task_title(name, language)


def picture_to_send(store: Store, session: str, tab: str, index: int) -> str:
    """Path of the PNG of picture `index` of the tab's last result.

    Raises:
        UserError: there is no result.
    """
    record = store.result(session, tab)
    if record is None or not record.images:
        raise UserError("nothing_to_send", "There is no picture to send yet; run first.")
    paths = write_pictures(record, store.folder(session))
    return str(paths[min(max(0, index), len(paths) - 1)])


def _on_select(event: gr.SelectData) -> int:
    return event.index if isinstance(event.index, int) else 0


def _connect(
    ctx: Context,
    tab: str,
    targets: dict[str, gr.Button],
    chosen: gr.State,
    notice: Component,
) -> None:
    for name, button in targets.items():
        receiver = ctx.receivers[name]

        def on_send(
            index: int, language: str, request: gr.Request, name: str = name
        ) -> tuple[Update, Update, str]:
            try:
                path = picture_to_send(ctx.store, request.session_hash or "", tab, index)
            except Exception as error:
                return gr.skip(), gr.skip(), notice_html(sentence(error, language))
            return path, gr.Tabs(selected=name), ""

        ctx.quick(
            button.click,
            on_send,
            [chosen, ctx.language],
            [receiver.component, ctx.tabs, notice],
        )
