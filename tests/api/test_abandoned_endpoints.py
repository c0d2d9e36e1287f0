"""An endpoint whose caller has left: its run ends, and the next caller gets through."""

import threading
import uuid

import httpx
import pytest

from ddpm_demo.recipes.run import Run
from ddpm_demo.ui import stream

# Gradio's own use of pandas.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no_silent_downcasting", "ignore:The copy keyword"
)
PATIENCE_S = 60


def test_a_dropped_call_ends_its_run(client, app_url, monkeypatch):
    begun, ended = threading.Event(), threading.Event()
    plain = stream.check_work

    def look(step):
        begun.set()
        plain(step)

    monkeypatch.setattr(stream, "check_work", look)
    whole = Run.__iter__

    def watched(run):
        try:
            yield from whole(run)
        finally:
            if run.last is not None and run.last.num_steps == 1000:
                assert run.last.index < 1000, "it went on to its end"
                ended.set()

    monkeypatch.setattr(Run, "__iter__", watched)
    body = {"num_images": 16, "num_steps": 1000, "sampler": "ddpm", "checkpoint": "tiny"}
    info = client.view_api(return_format="dict", print_info=False)
    data = [
        body.get(parameter["parameter_name"], parameter["parameter_default"])
        for parameter in info["named_endpoints"]["/generate"]["parameters"]
    ]
    with httpx.Client(base_url=f"{app_url}gradio_api/", timeout=PATIENCE_S) as caller:
        joined = caller.post(
            "call/generate", json={"data": data, "session_hash": uuid.uuid4().hex}
        )
        where = f"call/generate/{joined.json()['event_id']}"
        with caller.stream("GET", where):
            assert begun.wait(PATIENCE_S)
    assert ended.wait(PATIENCE_S), "the run went on"
    gallery, recipe, *_ = client.predict(
        checkpoint="tiny", num_images=1, num_steps=2, api_name="/generate"
    )
    assert len(gallery) == 1 and recipe["num_steps"] == 2
