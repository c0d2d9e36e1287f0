"""The page as a whole: what is public, what is queued, what is served, what is relabelled."""

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

import app as app_module
from ddpm_demo.errors import UserError
from ddpm_demo.texts import LANGUAGES, has_text, text
from ddpm_demo.ui.app import build_app, launch_options, resolve_checkpoint
from ddpm_demo.ui.components.selected import selected_index
from ddpm_demo.ui.context import MODEL_SLOT, WATCHING

ROOT = Path(__file__).resolve().parent.parent
UI = ROOT / "ddpm_demo" / "ui"
SECTIONS = {path.stem for path in (UI.parent / "texts" / "en").glob("*.json")}
ENDPOINTS = {"generate", "checkpoints"}


@pytest.fixture(scope="module")
def page():
    return build_app()


def test_only_the_endpoints_are_public(page):
    public = {fn.api_name for fn in page.fns.values() if fn.api_visibility != "private"}
    assert ENDPOINTS <= public
    named = page.get_api_info()["named_endpoints"]
    assert {name.strip("/") for name in named} == public
    assert not page.get_api_info()["unnamed_endpoints"]


def test_every_run_goes_through_one_slot_and_the_rest_does_not_wait(page):
    queued = [fn for fn in page.fns.values() if fn.queue is not False and fn.fn is not None]
    assert queued
    for fn in queued:
        if fn.targets and fn.targets[0][1] in ("unload", "load"):
            continue
        if fn.concurrency_id == WATCHING:  # it waits in the model's own line
            assert inspect.isasyncgenfunction(fn.fn), "each would hold a thread"
            continue
        assert fn.concurrency_id == MODEL_SLOT, fn.name
        assert fn.concurrency_limit == 1
    assert 0 < page._queue.max_size <= 64


def test_nothing_is_shared_measured_or_served_but_results():
    options = launch_options("127.0.0.1", None, False)
    assert options["share"] is False
    assert options["enable_monitoring"] is False and options["run_history"] is False
    assert options["show_error"] is False
    assert options["max_file_size"] and options["allowed_paths"] == []
    assert any(path.endswith("checkpoints") for path in options["blocked_paths"])


def test_a_page_in_the_right_language_is_not_told_its_language(page):
    """Else a switch that is pressed before the answer has come would jump back."""
    (on_load,) = [fn.fn for fn in page.fns.values() if getattr(fn.fn, "__name__", "") == "on_load"
                  and page.speaks in fn.outputs]  # fmt: skip

    def answer(saved, accepted):
        return inspect.unwrap(on_load)(
            SimpleNamespace(headers={"accept-language": accepted}, session_hash="x"), saved
        )

    for saved, accepted in (("", "en-GB"), ("en", "zh-CN"), ("", ""), ("fr", "fr")):
        assert answer(saved, accepted) == gr.skip()
    for saved, accepted in (("", "zh-CN,en"), ("zh-CN", "en")):
        assert answer(saved, accepted) == "zh-CN"


def test_the_whole_page_is_relabelled_at_once(page):
    ctx = page.ctx
    for language in LANGUAGES:
        updates = ctx.relabel(language, "nobody")
        assert len(updates) == len(ctx.relabel_outputs)
    assert len(set(ctx.relabel_outputs)) == len(ctx.relabel_outputs)
    run = ctx.flows["generate"].bar.run
    update = ctx.relabel("zh-CN", "nobody")[ctx.relabel_outputs.index(run)]
    assert update["value"] == text("zh-CN", "common.run")


def test_every_button_and_control_of_the_page_has_a_label(page):
    for block in page.blocks.values():
        kind = type(block).__name__
        if kind in ("Number", "Slider", "Dropdown", "Radio", "Gallery"):
            assert block.label, block
        if kind == "Button" and block.visible and page.ctx.texts.components.count(block):
            assert block.value, block


def literal_keys(path):
    """Strings of a source file that look like "section.key" of a locale."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            section, _, key = node.value.partition(".")
            if section in SECTIONS and re.fullmatch("[a-z0-9_]*[a-z0-9]", key):
                yield node.value


@pytest.mark.parametrize("path", sorted(UI.rglob("*.py")), ids=lambda path: path.name)
def test_every_text_that_is_asked_for_exists(path):
    assert [key for key in literal_keys(path) if not has_text(key)] == []


def test_flags_and_what_stands_in_for_them(monkeypatch):
    for name in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "DDPM_DEMO_CHECKPOINT"):
        monkeypatch.delenv(name, raising=False)
    plain = app_module.parse_args([])
    assert (plain.host, plain.port, plain.checkpoint) == ("127.0.0.1", None, None)
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7999")
    monkeypatch.setattr(app_module, "ON_SPACES", True)
    spaces = app_module.parse_args(["--lang", "zh-CN", "--no-browser"])
    assert (spaces.host, spaces.port, spaces.lang) == ("0.0.0.0", 7999, "zh-CN")


def test_the_owner_may_give_a_folder_and_visitors_may_not(tiny_checkpoint):
    name, folders = resolve_checkpoint(str(tiny_checkpoint))
    assert name == "tiny" and folders == {"tiny": str(tiny_checkpoint)}
    assert resolve_checkpoint("fashion-32") == ("fashion-32", {})
    with pytest.raises(UserError):
        resolve_checkpoint("no-such-checkpoint")
    models = build_app(name, None, folders).ctx.models
    assert models.default == "tiny" and models.info("tiny").size_px == 16
    with pytest.raises(UserError):
        models.info(str(tiny_checkpoint))


def test_the_page_is_built_without_torch():
    code = (
        "import sys; from ddpm_demo.ui.app import build_app; build_app(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("port", ["70000", "-1", "x"])
def test_a_port_that_is_none_is_one_sentence(port, capsys):
    with pytest.raises(SystemExit) as end:
        app_module.parse_args([f"--port={port}"])
    assert end.value.code == 2
    assert f"'{port}' is no port; give a number from 0 to 65535" in capsys.readouterr().err


def test_port_0_is_any_free_one():
    assert 1024 <= app_module.parse_args(["--port", "0"]).port <= 65535


@pytest.mark.parametrize(
    ("told", "index"),
    [({"index": 3}, 3), ({"index": 9}, 0), ({"index": -1}, 0), ({"index": "1"}, 0)]
    + [({"index": [0, 1]}, 0), ({"index": True}, 0), ({}, 0), (None, 0), ("x", 0)],
)
def test_whatever_is_said_of_a_click_one_of_them_is_chosen(told, index):
    assert selected_index(gr.EventData(None, told), 9) == index
    assert selected_index(None, 9) == 0


def test_a_checkpoint_s_name_that_is_no_text_is_none(tiny_checkpoint):
    models = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)}).ctx.models
    assert models.peek("tiny") is not None
    assert models.peek([["tiny"]]) is None and models.peek({}) is None


def test_controls_that_depend_on_a_choice_are_shown_with_it(tiny_checkpoint):
    """A list for a single output would be its value, see `fields._connect_applies`."""
    page = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    found = [fn for fn in page.fns.values() if fn.api_name.startswith("on_choice")]
    found = [fn for fn in found if page.speaks not in fn.inputs]  # the tabs' own
    assert any(len(fn.outputs) == 1 for fn in found)
    for fn in found:
        values = [block.value for block in fn.inputs]
        answer = asyncio.run(page.process_api(fn, values, page.state_holder["me"]))
        assert all({"__type__": "update"}.items() <= one.items() for one in answer["data"])
        assert all(isinstance(one["visible"], bool) for one in answer["data"])


def test_guidance_is_shown_with_checkpoints_that_can_be_guided(tiny_checkpoint):
    page = build_app("faces-64", "en", {"tiny": str(tiny_checkpoint)})
    form = page.ctx.task_tabs["generate"].form
    control = form.controls["guidance"]
    (fn,) = (
        fn
        for fn in page.fns.values()
        if fn.outputs == [control] and fn.api_name.startswith("on_checkpoint")
    )
    assert control.visible and fn.inputs == [page.ctx.checkpoint]
    assert fn.fn("fashion-32") == gr.update(visible=True)
    assert fn.fn("owner/not-here-yet") == gr.update(visible=True)
    assert fn.fn("tiny") == gr.update(visible=False, value=1.0)
    started_with_tiny = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    assert not started_with_tiny.ctx.task_tabs["generate"].form.controls["guidance"].visible
