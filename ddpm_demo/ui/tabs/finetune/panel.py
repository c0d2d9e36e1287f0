"""The right-hand side of the tab: the runs, the loss, the sample sheets, the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ....jobs.records import MAX_TITLE
from ....texts import text
from ... import asking
from ...components import header
from ...components.download import downloads
from ...components.live_view import status_html
from ...components.notice import notice, notice_html
from ...context import Context, Update
from ...errors import sentence
from ...visitors import Visitor, visitor_of
from .desk import Desk, Watch
from .publish import can_push, connect_hub, hub_box
from .views import curve_colours

POLL_SECONDS = 2.0
MAX_SESSIONS = 1000
ACTIONS = ("pause", "resume", "stop", "discard")
ALLOWED = {
    "queued": {"pause"},
    "starting": {"pause", "stop"},
    "training": {"pause", "stop"},
    "stopping": set(),
    "paused": {"resume", "stop"},
    "finished": {"resume"},
    "failed": {"resume"},
    "killed": {"resume"},
}
# A random name that only this browser knows, for apps that strangers share.
_VISITOR = """() => {
  try {
    let key = localStorage.getItem("ddpm_demo.visitor");
    if (!key) {
      key = crypto.getRandomValues(new Uint32Array(4)).join("-");
      localStorage.setItem("ddpm_demo.visitor", key);
    }
    return [key];
  } catch (error) { return [""]; }
}"""


@dataclass
class Panel:
    """The components; `parts` are those that `refreshed` gives values for, in its order."""

    chosen: gr.Dropdown
    key: gr.Textbox
    seen: gr.State
    timer: gr.Timer
    notice: gr.HTML
    buttons: dict[str, gr.Button]
    sure: gr.Row
    yes: gr.Button
    no: gr.Button
    parts: dict[str, Component]
    selected: dict[str, tuple[str | None, Visitor]]


def watch_panel(ctx: Context, desk: Desk) -> Panel:
    """Make the panel here; it is hidden while there is no run."""
    selected: dict[str, tuple[str | None, Visitor]] = {}
    key, seen = gr.Textbox(visible=False), gr.State({})
    timer = gr.Timer(POLL_SECONDS, active=False)
    with gr.Column(elem_classes=box_classes(shown=False)) as box:
        chosen = ctx.make(gr.Dropdown, {"label": "finetune.runs"}, choices=[], interactive=True)
        status = gr.HTML(status_html(""), elem_classes=["status"])
        *actions, use = _buttons(ctx, (*ACTIONS, "use"))
        buttons = dict(zip(ACTIONS, actions, strict=True))
        with gr.Row(visible=False, elem_classes=["downloads"]) as sure:
            question = ctx.make(
                gr.Button, {"value": "finetune.discard_yes"}, size="sm", variant="stop"
            )
            no = ctx.make(gr.Button, {"value": "finetune.discard_no"}, size="sm")
        said = notice()
        plot, sheet, slider = _curves(ctx)
        gauge = gr.HTML("", elem_classes=["live", "nearest"])

        def make_file(kind: str, session: str) -> Any:  # noqa: ANN401  a path
            name, visitor = selected.get(session, (None, Visitor()))
            return desk.archive(name, visitor, ctx.store.folder(session))

        saved = downloads(ctx, {"zip": "finetune.download"}, make_file, said)
        hub = hub_box(ctx)
        connect_hub(ctx, desk, hub, chosen, key)
        title, shared = _for_others(ctx)
        with ctx.make(gr.Accordion, {"label": "finetune.log"}, open=False):
            log = gr.HTML("")
    parts = {
        "box": box,
        "chosen": chosen,
        "status": status,
        **buttons,
        "use": use,
        "plot": plot,
        "slider": slider,
        "sheet": sheet,
        "gauge": gauge,
        "log": log,
        "download": saved.buttons[0],
        "hub": hub.box,
        "title": title,
        "share": shared,
        "timer": timer,
        "picker": ctx.checkpoint,
        "seen": seen,
    }
    return Panel(chosen, key, seen, timer, said, buttons, sure, question, no, parts, selected)


def _buttons(ctx: Context, actions: Sequence[str]) -> list[gr.Button]:
    """What can be done with the chosen run."""
    with gr.Row(elem_classes=["downloads"]):
        return [
            ctx.make(gr.Button, {"value": f"finetune.{action}"}, size="sm", min_width=60)
            for action in actions
        ]


def _for_others(ctx: Context) -> tuple[gr.Textbox, gr.Checkbox]:
    """What a result is called, and whether others may use it."""
    title = ctx.make(
        gr.Textbox,
        {"label": "finetune.rename"},
        max_lines=1,
        max_length=MAX_TITLE,
        submit_btn=True,
        interactive=True,
        elem_classes=["rename"],
    )
    shared = ctx.make(
        gr.Checkbox,
        {"label": "finetune.share", "info": "finetune.share_help"},
        value=False,
        visible=False,
        interactive=True,
    )
    return title, shared


def _curves(ctx: Context) -> tuple[gr.LinePlot, gr.HTML, gr.Slider]:
    """The loss, and beside it the sample sheet with its slider through time."""
    with gr.Row(elem_classes=["curves"]):
        with gr.Column(min_width=300):
            plot = ctx.make(
                gr.LinePlot,
                {
                    "label": "finetune.loss",
                    "x_title": "finetune.step_axis",
                    "y_title": "finetune.loss_axis",
                },
                x="step",
                y="loss",
                color="curve",
                color_title=" ",
                color_map=curve_colours(),
                height=320,
                tooltip="all",
                buttons=[],
            )
        with gr.Column(min_width=260):
            sheet = gr.HTML("", elem_classes=["live"])
            slider = ctx.make(
                gr.Slider,
                {"label": "finetune.sheet_slider"},
                minimum=1,
                maximum=2,
                step=1,
                value=1,
                visible=False,
            )
    return plot, sheet, slider


def box_classes(shown: bool) -> list[str]:
    """The classes of the column of runs. It is hidden by style and never by `visible`, which
    takes its plot out of the page: Gradio's plots throw when that happens while they draw.
    """
    return ["runs"] if shown else ["runs", "no-runs"]


def refreshed(
    desk: Desk, watch: Watch, index: float, who: Visitor, language: str, seen: dict[str, Any]
) -> dict[str, Update]:
    """New values by the names of `Panel.parts`; what is as it was seen stays untouched."""
    now: dict[str, Any] = {"language": language, "name": watch.name}
    fresh = any(seen.get(what) != value for what, value in now.items())
    updates: dict[str, Update] = {"timer": gr.Timer(active=watch.busy)}

    def put(part: str, signature: object, make: Callable[[], Update]) -> None:
        now[part] = signature
        if fresh or seen.get(part) != signature:
            updates[part] = make()

    put("box", bool(watch.names), lambda: gr.update(elem_classes=box_classes(bool(watch.names))))
    labels = list(watch.labels)
    put("chosen", repr(labels), lambda: gr.update(choices=labels, value=watch.name))
    put("status", watch.status, lambda: watch.status)
    allowed = ALLOWED.get(watch.phase or "", set()) | {"discard"}
    for action in ACTIONS:
        shown = action in allowed
        put(action, shown, lambda shown=shown: gr.update(visible=shown))
    put("use", watch.has_result, lambda: gr.update(visible=watch.has_result))
    put("download", watch.has_result, lambda: gr.update(interactive=watch.has_result))
    offered = watch.has_result and can_push(who)
    put("hub", offered, lambda: gr.update(visible=offered))
    put("title", watch.title, lambda: watch.title)
    sharing = (watch.has_result and watch.owned, watch.shared)
    put("share", sharing, lambda: gr.update(visible=sharing[0], value=sharing[1]))
    if watch.name:
        put("plot", repr((watch.plot or {}).get("data", [])[-1:]), lambda: watch.plot)
    put("log", hash(watch.log), lambda: watch.log)
    # The newest sheet is followed, unless an older one was chosen.
    count, before = len(watch.sheets), len(seen.get("slider", ()))
    follow = fresh or not before or int(index) >= before
    number = count if follow else min(int(index), max(1, count))
    put("slider", watch.sheets, lambda: slider_update(watch, number, language))
    if watch.name:
        shown = count and watch.sheets[number - 1]
        put("sheet", shown, lambda: desk.sheet(watch.name, number - 1, who, language))
        put("gauge", shown, lambda: desk.gauge(watch.name, number - 1, who, language))
    known = [desk.jobs.job(name).title for name in watch.names if desk.jobs.has_result(name)]
    put(
        "picker",
        repr(known),
        lambda: gr.update(choices=header.checkpoint_choices(desk.models, language)),
    )
    updates["seen"] = now
    return updates


def slider_update(watch: Watch, number: int, language: str) -> Update:
    """The slider through the sample sheets; hidden while there is nothing to slide through."""
    count = len(watch.sheets)
    return gr.update(visible=count > 1, maximum=max(2, count), value=max(1, number))


def connect_panel(ctx: Context, desk: Desk, panel: Panel) -> Callable[[Any], Any]:
    """Wire the panel; returns a function that also refreshes it after another event."""
    slider, outputs = panel.parts["slider"], list(panel.parts.values())
    inputs = [panel.chosen, slider, panel.key, ctx.language, panel.seen]

    def on_refresh(
        request: gr.Request,
        name: str | None,
        index: float,
        key: str,
        language: str,
        seen: dict[str, Any],
    ) -> list[Update]:
        try:
            who = visitor_of(request, key)
            watch = desk.watch(name, who, language)
            _remember(panel, request.session_hash or "", watch.name, who)
            updates = refreshed(desk, watch, index or 1, who, language, seen or {})
        except Exception as error:  # a run deleted meanwhile: the next look will do
            updates = {"status": status_html(sentence(error, language))}
        return [updates.get(part, gr.skip()) for part in panel.parts]

    def refresh(trigger: Any) -> Any:  # noqa: ANN401  any Gradio event
        return ctx.quick(trigger, on_refresh, inputs, outputs)

    root = gr.context.Context.root_block
    assert root is not None
    known = ctx.quick(root.load, None, None, [panel.key], js=_VISITOR)
    refresh(known.then)
    refresh(panel.timer.tick)
    refresh(panel.chosen.input)
    refresh(ctx.language.change)
    _connect_slider(ctx, desk, panel)
    _connect_buttons(ctx, desk, panel, refresh)
    _connect_title(ctx, desk, panel, refresh)
    _connect_share(ctx, desk, panel, refresh)
    return refresh


def _remember(panel: Panel, session: str, name: str | None, who: Visitor) -> None:
    asking.remember(session, who)
    panel.selected.pop(session, None)
    panel.selected[session] = (name, who)
    while len(panel.selected) > MAX_SESSIONS:
        del panel.selected[next(iter(panel.selected))]


def _connect_slider(ctx: Context, desk: Desk, panel: Panel) -> None:
    def on_slide(
        request: gr.Request, name: str | None, index: float, key: str, language: str
    ) -> list[Update]:
        try:
            place, who = int(index) - 1, visitor_of(request, key)
            return [make(name, place, who, language) for make in (desk.sheet, desk.gauge)]
        except Exception as error:
            return [notice_html(sentence(error, language)), ""]

    slider = panel.parts["slider"]
    inputs = [panel.chosen, slider, panel.key, ctx.language]
    ctx.quick(slider.input, on_slide, inputs, [panel.parts["sheet"], panel.parts["gauge"]])


def _connect_title(ctx: Context, desk: Desk, panel: Panel, refresh: Callable[[Any], Any]) -> None:
    def on_submit(
        request: gr.Request, name: str | None, title: str, key: str, language: str
    ) -> str:
        try:
            desk.rename(name, title, visitor_of(request, key))
        except Exception as error:
            return notice_html(sentence(error, language))
        return notice_html(text(language, "finetune.renamed"), "info")

    title = panel.parts["title"]
    inputs = [panel.chosen, title, panel.key, ctx.language]
    refresh(ctx.quick(title.submit, on_submit, inputs, [panel.notice]).then)


def _connect_share(ctx: Context, desk: Desk, panel: Panel, refresh: Callable[[Any], Any]) -> None:
    def on_input(
        request: gr.Request, name: str | None, shared: bool, key: str, language: str
    ) -> str:
        try:
            desk.share(name, bool(shared), visitor_of(request, key))
        except Exception as error:
            return notice_html(sentence(error, language))
        said = "finetune.shared" if shared else "finetune.unshared"
        return notice_html(text(language, said), "info")

    share = panel.parts["share"]
    inputs = [panel.chosen, share, panel.key, ctx.language]
    refresh(ctx.quick(share.input, on_input, inputs, [panel.notice]).then)


def _connect_buttons(
    ctx: Context, desk: Desk, panel: Panel, refresh: Callable[[Any], Any]
) -> None:
    def asker(action: str) -> Callable[..., str]:
        def on_click(request: gr.Request, name: str | None, key: str, language: str) -> str:
            try:
                desk.ask(action, name, visitor_of(request, key))
            except Exception as error:
                return notice_html(sentence(error, language))
            return ""

        return on_click

    inputs = [panel.chosen, panel.key, ctx.language]
    for action in ("pause", "resume", "stop"):
        button = panel.buttons[action]
        refresh(ctx.quick(button.click, asker(action), inputs, [panel.notice]).then)
    hide = [gr.update(visible=True), gr.update(visible=False)]
    asked = [panel.buttons["discard"], panel.sure]
    ctx.quick(panel.buttons["discard"].click, lambda: hide[::-1], None, asked)
    ctx.quick(panel.no.click, lambda: hide, None, asked)
    done = ctx.quick(panel.yes.click, asker("discard"), inputs, [panel.notice])
    refresh(ctx.quick(done.then, lambda: hide, None, asked).then)

    def on_use(name: str | None, language: str) -> list[Update]:
        said = notice_html(text(language, "finetune.used"), "info")
        choices = header.checkpoint_choices(desk.models, language)
        return [gr.update(choices=choices, value=name), said]

    outputs = [ctx.checkpoint, panel.notice]
    ctx.quick(panel.parts["use"].click, on_use, [panel.chosen, ctx.language], outputs)
