"""Wires what is kept into the page: what a browser finds again when it comes back, the history.

Two kinds of components talk to the scripts beside this file. One for the page tells what there is
and takes orders about the history as a whole; one for each tab takes what is to be done there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..components.download import SAVE
from ..components.notice import notice, notice_html
from ..components.run_flow import RunFlow, start_run
from ..context import Context, Update
from ..errors import sentence
from ..stage_view import StageView
from .acts import act
from .history import told, zip_of

# Gradio offers the events that a component's script names in quotation marks.
_ON_LOAD = 'window.ddpmKept && window.ddpmKept.page(props, watch, trigger, ["select", "input"]);'
_NAME = "() => window.ddpmKept ? [window.ddpmKept.name(), window.ddpmKept.checkpoint()] : ['', '']"
_SAVE_FORM = "(...values) => { window.ddpmKept && window.ddpmKept.save(%r, %r, values); }"


@dataclass(frozen=True)
class KeptArea:
    """The page's own component, the browser's name on its way in, a file on its way out."""

    component: gr.HTML
    name: gr.Textbox
    checkpoint: gr.Textbox
    file: gr.File
    notice: gr.HTML


def kept_area() -> KeptArea:
    """Make the components here, above the tabs; the script puts the history where it belongs."""
    component = gr.HTML(
        {},
        html_template='<div class="kept-page"></div>',
        js_on_load=_ON_LOAD,
        apply_default_css=False,
        visible="hidden",
        elem_id="kept",
    )
    name, checkpoint = gr.Textbox(visible=False), gr.Textbox(visible=False)
    return KeptArea(component, name, checkpoint, gr.File(visible=False), notice())


def connect_kept(ctx: Context, area: KeptArea) -> None:
    """Called when all tabs are there."""
    root = gr.context.Context.root_block
    assert root is not None
    history = [area.component]

    def on_load(name: str, checkpoint: str, request: gr.Request) -> tuple[Update, Update]:
        session = request.session_hash or ""
        ctx.keeper.meet(session, name)
        known = bool(checkpoint) and ctx.models.peek(checkpoint) is not None
        return page_told(ctx, session), checkpoint if known else gr.skip()

    names = [area.name, area.checkpoint]
    ctx.quick(root.load, on_load, names, [area.component, ctx.checkpoint], js=_NAME)
    saved = _SAVE_FORM % ("", ["checkpoint"])
    ctx.quick(ctx.checkpoint.change, None, [ctx.checkpoint], None, js=saved)

    def on_order(told: Any, request: gr.Request) -> Update:  # noqa: ANN401  any JSON
        session = request.session_hash or ""
        if isinstance(told, dict) and told.get("order") == "delete":
            ctx.keeper.delete(session, told.get("id"))
        elif isinstance(told, dict) and told.get("order") == "forget":
            ctx.keeper.clear(session)
        return page_told(ctx, session)

    ctx.quick(area.component.select, on_order, history, history)

    def on_zip(language: str, request: gr.Request) -> tuple[Update, str]:
        session = request.session_hash or ""
        try:
            return str(zip_of(ctx.keeper.results(session), ctx.store.folder(session))), ""
        except Exception as error:
            return None, notice_html(sentence(error, language))

    zipped = ctx.quick(area.component.input, on_zip, [ctx.language], [area.file, area.notice])
    ctx.quick(zipped.then, None, [area.file], None, js=SAVE)

    def on_ended(request: gr.Request) -> Update:
        return page_told(ctx, request.session_hash or "")

    for tab, channel in ctx.channels.items():
        _connect_tab(ctx, ctx.flows[tab], channel)
    for ended in ctx.ends_of_runs:
        ctx.quick(ended.then, on_ended, None, history)


def page_told(ctx: Context, session: str) -> dict[str, Any]:
    """What the page's script is told: the history, and the tabs where something is to be shown."""
    return {"tabs": ctx.keeper.tabs(session), "results": told(ctx.keeper.results(session))}


def _connect_tab(ctx: Context, flow: RunFlow, channel: gr.HTML) -> None:
    names = [*flow.form.settable]
    saved = [flow.form.controls[name] for name in names]
    gr.on(
        [control.change for control in saved],
        None,
        saved,
        None,
        js=_SAVE_FORM % (flow.tab, names),
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    pictures = [flow.form.controls[name] for name in flow.form.pictures]
    stage = flow.view.stage if isinstance(flow.view, StageView) else None
    if stage is not None:
        pictures = [control for control in pictures if control is not stage.said]
    outputs = [*flow.finish_outputs, ctx.checkpoint, *pictures]

    def on_act(request: gr.Request, told: Any, language: str, above: str) -> Any:  # noqa: ANN401
        return act(ctx, flow, told, language, above, request.session_hash or "")

    start_run(flow, channel.select, on_act, [channel, ctx.language, ctx.checkpoint], outputs)
    if stage is None or "image" not in flow.form.controls:
        return

    def on_put(said: Any, request: gr.Request) -> None:  # noqa: ANN401  any JSON
        found = stage.read(said)
        session = request.session_hash or ""
        ctx.keeper.put(session, flow.tab, found.upload, found.mask, found.upload_name)

    for event in (stage.on_upload, stage.on_mask, stage.on_clear):
        ctx.quick(event, on_put, [stage.said], None, trigger_mode="multiple")
