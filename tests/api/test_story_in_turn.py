"""What the story asks of the network waits for its turn and stops with whoever asked."""

import json
import threading
import uuid
from pathlib import Path

import httpx
import pytest

from ddpm_demo.core import progress
from ddpm_demo.ui import in_turn as turns
from ddpm_demo.ui.app import build_app, launch_options
from ddpm_demo.ui.tabs.process import reverse, tab, training

PATIENCE_S = 60
HANDLERS = ("on_step", "on_press", "on_measure", "on_draw")


@pytest.fixture(scope="module")
def page(tiny_checkpoint):
    made = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    options = launch_options("127.0.0.1", None, False)
    _, made.url, _ = made.launch(**options, prevent_thread_lock=True, quiet=True)
    yield made
    made.close()


def ask(page, name):
    """Press the button behind a handler; the session and an open stream of its events."""
    made = [fn for fn in page.fns.values() if getattr(fn.fn, "__name__", "") == name]
    (handler,) = (fn for fn in made if "process" in fn.fn.__module__)
    session, client = uuid.uuid4().hex, httpx.Client(base_url=page.url, timeout=PATIENCE_S)
    content = Path(tab.example_path("face-1.png")).read_bytes()
    sent = client.post("gradio_api/upload", files={"files": ("face.png", content)})
    image = {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}
    known = {"image": image, "dropdown": "tiny", "number": 3, "slider": 100, "state": None}
    data = []
    for component in handler.inputs:
        kind = component.get_block_name()
        value = "en" if component is page.ctx.language else known.get(kind, "epsilon")
        data.append(value)
    body = {"fn_index": handler._id, "data": data, "session_hash": session}
    joined = client.post("gradio_api/queue/join", json=body)
    assert joined.status_code == 200, joined.text
    where = f"gradio_api/queue/data?session_hash={session}"
    return client, client.send(client.build_request("GET", where), stream=True)


@pytest.fixture
def network(monkeypatch):
    """In place of every use of the network: one that ends only when its caller has left."""
    begun, ended, working = threading.Semaphore(0), threading.Semaphore(0), []

    def busy(*_, **__):
        working.append(1)
        begun.release()
        stop = threading.Event()
        turns.stop_with_caller(stop.set)
        try:
            assert stop.wait(PATIENCE_S)
            progress.current().check()
            raise AssertionError("nobody told the network to stop")
        finally:
            working.pop()
            ended.release()

    for module, name in ((reverse, "one_step"), (training, "draw_step"), (tab, "drawn")):
        monkeypatch.setattr(module, name, busy)
    monkeypatch.setattr(training, "measure", lambda *a: iter([busy()]))
    return begun, ended, working


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_waits_for_its_turn_and_stops_with_its_visitor(page, network, name, caplog):
    begun, ended, working = network
    hold = threading.Event()
    other = turns.in_turn(lambda: (hold.wait(PATIENCE_S) for _ in range(1)))
    next(other), next(other)  # somebody else's run is at work
    client, stream = ask(page, name)
    assert not begun.acquire(timeout=1), "two runs at once"
    hold.set()
    list(other)
    assert begun.acquire(timeout=PATIENCE_S)
    stream.close()
    client.close()
    assert ended.acquire(timeout=PATIENCE_S), "the work went on without its visitor"
    assert not working and "unexpected" not in caplog.text


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_still_answers(page, name):
    client, stream = ask(page, name)
    answers = []
    for line in stream.iter_lines():
        event = json.loads(line[5:]) if line.startswith("data:") else {}
        if event.get("msg") in ("process_generating", "process_completed"):
            answers.append(event)
        if event.get("msg") == "process_completed":
            break
    client.close()
    assert answers[-1]["success"] and "error" not in answers[-1]["output"]
    said = json.dumps(answers)
    assert "went wrong" not in said
    assert any(word in said for word in ("<img", "sample-", "bits"))
