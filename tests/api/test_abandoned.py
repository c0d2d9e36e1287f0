"""Whoever leaves or cancels frees the model; two runs never work at once. Through real HTTP."""

import json
import threading
import uuid

import gradio as gr
import httpx
import pytest
import torch

from ddpm_demo.core.step import Step
from ddpm_demo.errors import UserError
from ddpm_demo.ui.app import launch_options
from ddpm_demo.ui.context import MODEL_SLOT
from ddpm_demo.ui.in_turn import in_turn, last_in_turn, stop_with_caller
from ddpm_demo.ui.page import Page
from ddpm_demo.ui.work_limit import check_work, limit, work_of

# Gradio's own use of pandas.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no_silent_downcasting", "ignore:The copy keyword"
)
PATIENCE_S = 60


class Runs:
    """Endless runs that end when told to, and what happened to them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.working, self.most = 0, 0
        self.begun, self.ended = threading.Semaphore(0), threading.Semaphore(0)
        self.may_end = threading.Event()
        self.may_end.set()

    def work(self, kind):
        """ "endless" steps, one "long" evaluation that hears of a stop, or a "short" run."""
        with self.lock:
            self.working += 1
            self.most = max(self.most, self.working)
        told = threading.Event()
        stop_with_caller(told.set)
        self.begun.release()
        try:
            if kind == "long":
                assert told.wait(PATIENCE_S)
            while kind == "endless" and not told.wait(0.01):
                yield kind
            yield "answer"
        finally:
            assert self.may_end.wait(PATIENCE_S)
            with self.lock:
                self.working -= 1
            self.ended.release()


@pytest.fixture
def page():
    runs = Runs()
    with Page() as made:

        def run(kind):
            last = yield from last_in_turn(lambda: runs.work(kind), every_s=0.05)
            yield last

        gr.Button().click(
            run,
            gr.Textbox(),
            gr.Textbox(),
            api_name="run",
            concurrency_limit=1,
            concurrency_id=MODEL_SLOT,
        )
    made.runs = runs
    options = launch_options("127.0.0.1", None, False)
    _, made.url, _ = made.launch(**options, prevent_thread_lock=True, quiet=True)
    yield made
    runs.may_end.set()
    made.close()


class Call:
    """A visitor's call of the endpoint."""

    def __init__(self, page, kind):
        self.client = httpx.Client(base_url=page.url + "gradio_api/", timeout=PATIENCE_S)
        self.session = uuid.uuid4().hex
        body = {"fn_index": 0, "data": [kind], "session_hash": self.session}
        self.id = self.client.post("queue/join", json=body).json()["event_id"]
        where = f"queue/data?session_hash={self.session}"
        self.stream = self.client.send(self.client.build_request("GET", where), stream=True)

    def answer(self):
        for line in self.stream.iter_lines():
            event = json.loads(line[5:]) if line.startswith("data:") else {}
            if event.get("msg") == "process_completed":
                return event["output"]["data"][0]
        return None

    def drop(self):
        self.stream.close()
        self.client.close()

    def cancel(self):
        body = {"fn_index": 0, "session_hash": self.session, "event_id": self.id}
        assert self.client.post("cancel", json=body).status_code == 200


@pytest.mark.parametrize("kind", ["endless", "long"])
@pytest.mark.parametrize("end", ["drop", "cancel"])
def test_the_next_visitor_gets_through(page, kind, end):
    gone = Call(page, kind)
    assert page.runs.begun.acquire(timeout=PATIENCE_S)
    getattr(gone, end)()
    assert page.runs.ended.acquire(timeout=PATIENCE_S), "the run went on"
    following = Call(page, "short")
    assert following.answer() == "answer"
    assert page.runs.most == 1
    following.drop()


def test_two_runs_never_work_at_once(page):
    """The one that was cancelled is slow to end: the next one waits for it."""
    page.runs.may_end.clear()
    gone = Call(page, "endless")
    assert page.runs.begun.acquire(timeout=PATIENCE_S)
    gone.cancel()
    following = Call(page, "short")
    assert not page.runs.begun.acquire(timeout=0.5), "both work"
    assert page.runs.working == 1
    page.runs.may_end.set()
    assert following.answer() == "answer"
    assert page.runs.most == 1


def test_the_queue_cannot_be_gone_round(tiny_checkpoint):
    from ddpm_demo.ui.app import build_app

    page = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    _, url, _ = page.launch(
        **launch_options("127.0.0.1", None, False), prevent_thread_lock=True, quiet=True
    )
    try:
        reply = httpx.post(f"{url}gradio_api/run/generate", json={"data": []})
        assert reply.status_code == 404
        reply = httpx.post(f"{url}gradio_api/run/checkpoints", json={"data": []})
        assert reply.status_code == 200
    finally:
        page.close()


def test_in_turn_gives_everything_in_order_and_what_goes_wrong():
    assert [item for item in in_turn(lambda: iter(range(20))) if item is not None] == list(
        range(20)
    )

    def wrong():
        yield 1
        raise UserError("picture_missing", "Give a picture first.")

    stream = in_turn(wrong)
    assert next(item for item in stream if item is not None) == 1
    with pytest.raises(UserError):
        list(stream)
    assert [item for item in in_turn(lambda: iter("a")) if item] == ["a"]


def test_whoever_leaves_while_waiting_never_starts():
    hold, holding, started = threading.Event(), threading.Event(), []

    def first():
        holding.set()
        hold.wait(PATIENCE_S)
        yield 1

    def second():
        started.append(1)
        yield 2

    one = in_turn(first, every_s=0.01)
    assert next(one) is next(one) is None and holding.wait(PATIENCE_S)
    two = in_turn(second, every_s=0.01)
    assert next(two) is next(two) is None
    two.close()
    hold.set()
    assert [item for item in one if item] == [1]
    assert [item for item in in_turn(lambda: iter("b")) if item] == ["b"] and started == []


def test_the_work_of_a_request_is_bounded(monkeypatch):
    assert limit({}) > limit({"SPACE_ID": "a/b"}) > 0
    assert limit({"DDPM_DEMO_MAX_WORK": "3.5"}) == 3.5
    for nonsense in ("", "-1", "0", "nan", "much"):
        assert limit({"DDPM_DEMO_MAX_WORK": nonsense}) == limit({})
    x = torch.zeros(4, 3, 500, 500)
    step = Step(0, 20, 999.0, x, x, 1)
    assert work_of(step) == 4 * 0.25 * 20
    assert work_of(Step(3, 20, 999.0, x, x, 100)) == 4 * 0.25 * 100
    monkeypatch.setenv("DDPM_DEMO_MAX_WORK", "20")
    check_work(step)
    monkeypatch.setenv("DDPM_DEMO_MAX_WORK", "19.9")
    with pytest.raises(UserError, match="20 megapixels .* fewer steps"):
        check_work(step)
