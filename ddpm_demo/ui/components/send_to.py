""" "Send to": hand the picture chosen among the results to another tab.

A tab that takes pictures calls `ctx.receive(tab, component)`; every result then has a button
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
from ..sessions import RunRecord, Store
from .notice import notice_html

Index = Callable[[Update], int]
# (the tab's last run, what `Index` gave) -> which of its pictures
Place = Callable[[RunRecord, int], int]


def send_to_row(
    ctx: Context,
    tab: str,
    chosen: Component,
    index_of: Index,
    notice: Component,
    place: Place = lambda record, index: index,
) -> list[gr.Button]:
    """Make the row of buttons here; none when no other tab takes pictures.

    Args:
        ctx, tab: whose results are sent.
        chosen, index_of: the component that knows which of them, and how its value says so.
        notice: where a sentence goes when there is nothing to send.
        place: which picture of the run an index means.
    """
    others = [name for name in ctx.receiving_tabs if name != tab]
    if not others:
        return []
    with gr.Row(elem_classes=["send-to"]):
        ctx.make(gr.HTML, {"value": "common.send_to"}, elem_classes=["row-label"], min_width=0)
        targets = {
            name: ctx.make(
                gr.Button, {"value": _title(name)}, size="sm", interactive=False, min_width=60
            )
            for name in others
        }
    # The other tabs' components are there only when all tabs have been built.
    ctx.at_end(lambda: _connect(ctx, tab, targets, chosen, index_of, notice, place))
    return list(targets.values())


def _title(name: str) -> Callable[[str], str]:
    """A tab's title in any language."""
    return lambda language: task_title(name, language)


def picture_to_send(
    store: Store,
    session: str,
    tab: str,
    index: int,
    place: Place = lambda record, index: index,
) -> str:
    """Path of the PNG of picture `index` of the tab's last result, as `place` understands it.

    Raises:
        UserError: there is no result.
    """
    record = store.result(session, tab)
    if record is None or not record.images:
        raise UserError("nothing_to_send", "There is no picture to send yet; run first.")
    paths = write_pictures(record, store.folder(session))
    index = place(record, max(0, index))
    return str(paths[min(max(0, index), len(paths) - 1)])


def _connect(
    ctx: Context,
    tab: str,
    targets: dict[str, gr.Button],
    chosen: Component,
    index_of: Index,
    notice: Component,
    place: Place,
) -> None:
    for name, button in targets.items():
        receiver = ctx.receivers[name]

        def on_send(
            chosen: Update, language: str, request: gr.Request, name: str = name
        ) -> tuple[Update, Update, str]:
            try:
                index = index_of(chosen)
                path = picture_to_send(ctx.store, request.session_hash or "", tab, index, place)
                value = ctx.receivers[name].value(path)
            except Exception as error:
                return gr.skip(), gr.skip(), notice_html(sentence(error, language))
            return value, gr.Tabs(selected=name), ""

        outputs = [receiver.component, ctx.tabs, notice]
        # The other tab is seen from its top, where the picture is.
        sent = ctx.quick(button.click, on_send, [chosen, ctx.language], outputs)
        ctx.quick(sent.then, None, None, None, js="() => window.scrollTo(0, 0)")
