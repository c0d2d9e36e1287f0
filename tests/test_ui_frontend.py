"""Gradio's script on its way to the browser: what is known is made quicker, no more."""

from pathlib import Path

import gradio
import pytest

from ddpm_demo.ui import frontend
from ddpm_demo.ui.frontend import QuickStart, quick_script

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
NAMES = [
    path.name for path in ASSETS.glob("core-*.js") if "find_attached_events(" in path.read_text()
]


def answer(path, method="GET"):
    """(status and body, whether it was handed on) of a request to the middleware."""
    sent, handed_on = [], []

    async def app(scope, receive, send):
        handed_on.append(scope["path"])

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method}
    with pytest.raises(StopIteration):  # it waits for nothing, so that no loop is needed
        QuickStart(app)(scope, None, send).send(None)
    return sent, handed_on


def test_the_installed_gradio_is_the_one_that_is_known():
    """Where this fails after an upgrade: look whether it is still slow, and how it looks now."""
    assert len(NAMES) == 1
    script, original = quick_script(NAMES[0]), (ASSETS / NAMES[0]).read_bytes()
    assert script is not None and script != original
    assert script.count(b"ddpm_trees=new WeakMap") == 2
    assert b".targets.find(" not in script and b".targets.find(" in original
    for kind, mark in (("Blocks", b"told_stati"), ("statustracker", b".cache_event_id)!=null&&(")):
        known = [
            found for path in ASSETS.glob(f"{kind}-*.js") if (found := quick_script(path.name))
        ]
        assert len(known) == 1 and known[0].count(mark) == 1


@pytest.mark.parametrize("prefix", ["", "/behind/a/proxy"])
def test_it_is_what_the_browser_gets(prefix):
    (start, body), handed_on = answer(f"{prefix}/assets/{NAMES[0]}")
    headers = dict(start["headers"])
    assert start["status"] == 200 and not handed_on
    assert headers[b"content-type"].startswith(b"text/javascript")
    assert int(headers[b"content-length"]) == len(body["body"])
    assert body["body"] == quick_script(NAMES[0])


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/assets/core-another1.js", "GET"),
        ("/assets/../core-another1.js", "GET"),
        ("/assets/index.js", "GET"),
        (f"/assets/{NAMES[0]}", "HEAD"),
        (f"/assets/{NAMES[0]}.map", "GET"),
        ("/", "GET"),
    ],
)
def test_all_else_is_handed_on(path, method):
    assert answer(path, method) == ([], [path])


def test_another_script_stays_as_it_is(tmp_path, monkeypatch):
    folder = tmp_path / "gradio" / "templates" / "frontend" / "assets"
    folder.mkdir(parents=True)
    half = (ASSETS / NAMES[0]).read_text(encoding="utf-8").replace("find_attached_events", "found")
    (folder / "core-new.js").write_text(half, encoding="utf-8")
    monkeypatch.setattr(gradio, "__file__", str(tmp_path / "gradio" / "__init__.py"))
    assert quick_script("core-new.js") is None


def test_names_that_a_stranger_makes_up_are_not_remembered():
    quick_script(NAMES[0])
    before = frontend._patched.cache_info().currsize
    for number in range(50):
        assert quick_script(f"core-{number}.js") is None
    assert frontend._patched.cache_info().currsize == before
