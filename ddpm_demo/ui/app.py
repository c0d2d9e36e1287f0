"""The page: header, tabs, endpoints, and how it is served."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from ..checkpoints.library import BUNDLED_FOLDER, ROOT, RUNS_FOLDER, find
from ..tasks.registry import tasks
from ..texts import LANGUAGES, known_language, negotiate, text
from ..texts.naming import task_title
from ..version import __version__
from .asking import forget
from .components import header
from .components.notice import notice
from .components.selected import selected_index
from .components.tour import build_tour
from .context import Context
from .endpoints import add_endpoints
from .frontend import QuickStart
from .guard import Guard, Served
from .kept.history import HISTORY_CSS_PATH, kept_head
from .kept.presence import Presence
from .kept.wiring import connect_kept, kept_area
from .live import CSS_PATH as LIVE_CSS_PATH
from .live import head as live_head
from .models import Models
from .no_endpoint import HANDLERS
from .no_room import NoRoom
from .page import Page, announce_full_queue
from .relabel import Texts
from .restoring import connect_restore, restore_area
from .sessions import Store
from .stage import CSS_PATH as STAGE_CSS_PATH
from .stage import head as stage_head
from .tabs.task.arrangement import Arrangement
from .tabs.task.tab import build_task
from .theme import CSS_PATH, SCRIPT, make_theme
from .visitors import login

# Tasks whose controls are a part of another tab.
WITHOUT_TAB = ("diffuse",)
OTHER_TABS = ("process", "finetune")

MAX_QUEUE = 32
MAX_FILE_SIZE = "64mb"
MAX_SESSIONS = 2000  # whose `gr.State` is kept; the one that was idle longest goes
_REMEMBER = """(language) => {
  try { localStorage.setItem("ddpm_demo.language", language); } catch (error) {}
}"""
_SETTLE = """(language) => {
  document.documentElement.lang = language;
  document.documentElement.classList.remove("language-pending");
}"""
# Before the first paint: a page that will be relabelled at once stays hidden until it has been.
_HEAD = """<script>(() => {
  let wanted = "";
  try { wanted = localStorage.getItem("ddpm_demo.language") || ""; } catch (error) {}
  const tags = navigator.languages || [];
  wanted = wanted || "%s" || tags.find((tag) => /^(en|zh)/i.test(tag)) || "";
  if (/^zh/i.test(wanted) === ("%s" === "zh-CN")) return;
  const root = document.documentElement;
  root.classList.add("language-pending");
  setTimeout(() => root.classList.remove("language-pending"), 10000);
})();</script>"""
_RECALL = """() => {
  try { return [localStorage.getItem("ddpm_demo.language") || ""]; } catch (error) { return [""]; }
}"""

_CACHE_CHECK_SECONDS = 600
_CACHE_AGE_SECONDS = 3600


def build_app(
    checkpoint: str | None = None,
    language: str | None = None,
    owner_folders: Mapping[str, str] | None = None,
) -> gr.Blocks:
    """The page, ready to be launched with `launch_options()`.

    Args:
        checkpoint: name of the one chosen at first; None for the default.
        language: "en" or "zh-CN" for everybody's first visit; None for the browser's.
        owner_folders: checkpoint folders given on the command line, by name.
    """
    models = Models(checkpoint, owner_folders)
    texts = Texts(known_language(language))
    store = Store()
    with Page(
        title="ddpm_demo",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(_CACHE_CHECK_SECONDS, _CACHE_AGE_SECONDS),
    ) as app:
        with gr.Row(elem_classes=["header"]):
            header.brand(texts)
            picker = header.checkpoint_picker(texts, models)
            card = gr.HTML(
                header.card_html(models, models.default, texts.language),
                elem_classes=["card-slot"],
                min_width=0,
            )
            build_tour(texts)
            device = gr.HTML("", elem_classes=["device"], min_width=0)
            app.speaks = switch = header.language_switch(texts)
        checkpoint_notice = notice()
        kept = kept_area()
        open_tab = gr.State(tab_names()[0])  # not among the tabs, which it would count as one
        with gr.Tabs(overflow_behavior="wrap", elem_classes=["tabs"]) as tabs:
            ctx = Context(texts, models, store, switch, picker, checkpoint_notice, tabs)
            _build_tabs(ctx)
        ctx.quick(tabs.select, _opened, None, [open_tab])
        restore, said = restore_area(ctx)
        footer = gr.HTML(footer_html(texts.language), elem_classes=["footer"])
        ctx.finish()
        connect_kept(ctx, kept)
        connect_restore(ctx, restore, said, open_tab)
        _connect_header(ctx, card)
        _connect_language(ctx, device, footer, language)
        add_endpoints(models)
        _connect_unload(ctx, app)
    # Not open: a direct call of a queued endpoint would go round the queue.
    app.queue(max_size=MAX_QUEUE, api_open=False)
    announce_full_queue(app)
    app.ctx = ctx  # for whoever starts it, and for tests
    return app


def _build_tabs(ctx: Context) -> None:
    ctx.receiving_tabs = tuple(name for name in tab_names() if _receives(name))
    for name in tab_names():
        label = {"label": lambda language, name=name: task_title(name, language)}
        with ctx.make(gr.Tab, label, id=name):
            _build_tab(ctx, name)


def _connect_unload(ctx: Context, app: gr.Blocks) -> None:
    """Let go of a visitor who has left."""

    def on_unload(request: gr.Request) -> None:
        session = request.session_hash or ""
        ctx.store.forget(session, stops=not ctx.keeper.keeps)
        ctx.keeper.leave(session)
        forget(session)

    app.unload(on_unload)


def tab_names() -> tuple[str, ...]:
    """The tabs in their order: one a task, then those that are no task's."""
    return (*(name for name in tasks() if name not in WITHOUT_TAB), *OTHER_TABS)


def _opened(event: gr.EventData) -> str:
    """The name of the tab that was opened."""
    return tab_names()[selected_index(event, len(tab_names()))]


def _build_tab(ctx: Context, name: str) -> None:
    """A tab whose module has a `build` is built by it, any other from its task, as the module's
    `ARRANGEMENT` has it where there is one."""
    own = None
    if find_spec(f".tabs.{name}", __package__) is not None:
        own = import_module(f".tabs.{name}", __package__)
    if hasattr(own, "build"):
        own.build(ctx)
    else:
        build_task(ctx, getattr(own, "ARRANGEMENT", None) or Arrangement(tasks()[name]))


def _receives(name: str) -> bool:
    """Whether other tabs can send a picture to this one."""
    return name == "process" or bool(name in tasks() and tasks()[name].inputs)


def resolve_checkpoint(name: str | None) -> tuple[str | None, dict[str, str]]:
    """(name, {name: folder}) for what was given on the command line: a name, a Hub id or a folder.

    Raises:
        UserError: there is no such checkpoint.
    """
    if name is None:
        return None, {}
    info = find(name)
    if info.source == "local" and info.name == name and Path(name).expanduser().is_dir():
        return info.folder.name, {info.folder.name: str(info.folder)}
    return name, {}


def launch_options(
    host: str,
    port: int | None,
    open_browser: bool,
    language: str | None = None,
    *,
    root_path: str | None = None,
    passwords: dict[str, str] | None = None,
    mcp: bool = False,
) -> dict[str, Any]:
    """What `Blocks.launch` is given: nothing is shared, measured or served but results.

    Args:
        host, port, open_browser, language: as on the command line.
        root_path: path or address under which a proxy serves the app; None without a proxy.
        passwords: {name: password} of who may come in, as owners; None for everybody.
        mcp: whether the endpoints are tools of an MCP server, too.
    """
    served = Served(host, root_path, bool(passwords))
    return {
        "app_kwargs": {
            "middleware": [
                Middleware(Guard, served=served),
                Middleware(NoRoom),
                Middleware(Presence),
                Middleware(QuickStart),
            ],
            "exception_handlers": HANDLERS,
        },
        "auth": login(passwords) if passwords else None,
        "root_path": root_path,
        "server_name": host,
        "server_port": port,
        "inbrowser": open_browser,
        "share": False,
        "show_error": False,
        # Else Gradio asks itself for the page and gives up where that takes three seconds.
        "_frontend": False,
        "enable_monitoring": False,
        "run_history": False,
        "ssr_mode": False,
        "pwa": True,
        "footer_links": ["api"],  # style.css hides the row; without it ?view=api is dead
        "max_file_size": MAX_FILE_SIZE,
        "allowed_paths": [],
        "blocked_paths": [str(BUNDLED_FOLDER), str(RUNS_FOLDER), str(ROOT / ".git")],
        "state_session_capacity": MAX_SESSIONS,
        "mcp_server": mcp,
        "theme": make_theme(),
        "css_paths": [CSS_PATH, STAGE_CSS_PATH, LIVE_CSS_PATH, HISTORY_CSS_PATH],
        "js": SCRIPT,
        "head": _HEAD % (language or "", known_language(language))
        + _tabs_head()
        + stage_head()
        + live_head()
        + kept_head(),
        "favicon_path": Path(__file__).parent / "favicon.png",
    }


def _tabs_head() -> str:
    """The names of the tabs for page.js, which keeps the open one in the address, and links; the
    styles that Gradio's own way would drop."""
    links, style = (
        (Path(__file__).parent / name).read_text(encoding="utf-8")
        for name in ("links.js", "row_of_tabs.css")
    )
    names = json.dumps(tab_names())
    own = header.picker_css(name for name, task in tasks().items() if task.needs_picture())
    return f"<script>window.ddpmTabs = {names};\n{links}</script><style>{style}{own}</style>"


def open_to_all(
    host: str,
    root_path: str | None,
    passwords: dict[str, str] | None,
    language: str | None = None,
) -> str:
    """The sentence at the start of an app that other machines reach without a password, or ""."""
    served = Served(host, root_path, bool(passwords))
    if served.only_here or served.on_spaces or passwords:
        return ""
    return text(known_language(language), "common.open_to_all")


def footer_html(language: str) -> str:
    """Version, licence, and the way to the endpoints' documentation."""
    api = text(language, "common.footer_api")
    licence = text(language, "common.footer_license")
    return f'<p>ddpm_demo {__version__} · {licence} · <a href="?view=api">{api}</a></p>'


def _connect_header(ctx: Context, card: gr.HTML) -> None:
    last = gr.State(ctx.models.default)  # the last name that was one

    def on_choice(name: str | None, language: str) -> tuple[str, str]:
        return header.announce(ctx.models, name or "", language)

    def on_checkpoint(name: str | None, language: str, before: str) -> tuple[str, str, Any]:
        shown, said, chosen = header.look_up(ctx.models, name or "", before, language)
        return shown, said, gr.skip() if chosen == name else chosen

    def remember(name: str | None, before: str) -> str:
        return name if name and ctx.models.peek(name) is not None else before

    def show_card(language: str, name: str) -> str:
        return header.card_html(ctx.models, name, language)

    # The tabs' defaults follow what the visitor chooses, but not what a restored picture sets.
    inputs, outputs = [ctx.checkpoint, ctx.language], [card, ctx.checkpoint_notice]
    announced = ctx.quick(ctx.checkpoint.input, on_choice, inputs, outputs)
    chosen = ctx.quick(announced.then, on_checkpoint, [*inputs, last], [*outputs, ctx.checkpoint])
    # Whoever changed it: what a recipe or a link has set is what the next mistake goes back to.
    ctx.quick(chosen.then, remember, [ctx.checkpoint, last], [last])
    ctx.quick(ctx.checkpoint.change, remember, [ctx.checkpoint, last], [last])
    for fn, more_inputs, fn_outputs in ctx.checkpoint_handlers:
        ctx.quick(chosen.then, fn, [ctx.checkpoint, *more_inputs], fn_outputs)
    ctx.quick(ctx.checkpoint.change, show_card, [ctx.language, ctx.checkpoint], [card])
    ctx.quick(ctx.language.change, show_card, [ctx.language, ctx.checkpoint], [card])


def _connect_language(ctx: Context, device: gr.HTML, footer: gr.HTML, forced: str | None) -> None:
    remembered = gr.Textbox(visible=False)
    outputs = [*ctx.relabel_outputs, footer]

    def on_switch(request: gr.Request, language: str) -> list[Any]:
        language = known_language(language)
        session = request.session_hash or ""
        return [*ctx.relabel(language, session), footer_html(language)]

    def on_load(request: gr.Request, saved: str | None) -> Any:  # noqa: ANN401  a language or skip
        wanted = saved if saved in LANGUAGES else known_language(forced)
        if saved not in LANGUAGES and not forced:
            wanted = negotiate(request.headers.get("accept-language", ""))
        # Else a switch that is pressed before this answer comes would jump back.
        return gr.skip() if wanted == ctx.language.value else wanted

    root = gr.context.Context.root_block
    assert root is not None
    switched = ctx.quick(ctx.language.change, on_switch, [ctx.language], outputs)
    ctx.quick(switched.then, None, [ctx.language], None, js=_SETTLE)
    ctx.quick(ctx.language.input, None, [ctx.language], None, js=_REMEMBER)
    loaded = ctx.quick(root.load, on_load, [remembered], [ctx.language], js=_RECALL)
    # torch may still be loading: the rest of the page does not wait for the device's name.
    for event in (loaded, switched):
        ctx.quick(event.then, header.device_html, [ctx.language], [device])
