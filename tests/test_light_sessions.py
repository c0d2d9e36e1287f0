"""Gradio's sessions hold what handlers keep, and no copy of the page."""

import asyncio
import uuid

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.light_sessions import LightSession
from ddpm_demo.ui.page import Page


@pytest.fixture
def page():
    with Page() as page:
        kept, number = gr.State([0]), gr.Number()

        def add(before, value):
            return [*before, value], gr.update(value=len(before), label="known")

        number.change(add, [kept, number], [kept, number], api_name="add")
    page.queue()
    gr.routes.App.create_app(page)
    return page


def call(page, session, value):
    fn = next(fn for fn in page.fns.values() if fn.api_name == "add")
    return asyncio.run(page.process_api(fn, [None, value], page.state_holder[session]))["data"]


def test_a_session_keeps_its_state_and_another_has_its_own(page):
    one, other = uuid.uuid4().hex, uuid.uuid4().hex
    assert [call(page, one, n)[1]["value"] for n in (5, 6)] == [1, 2]
    assert call(page, other, 7)[1] == {"value": 1, "label": "known", "__type__": "update"}
    state = page.state_holder[one]
    assert [*state.state_data.values()] == [[0, 5, 6]]
    # A component changed by a handler is remembered as such, as Gradio does.
    labels = [getattr(block, "label", None) for block in state.blocks_config.blocks.values()]
    assert "known" in labels


def test_no_settings_of_components_are_kept(page, tiny_checkpoint):
    session = page.state_holder["x"]
    call(page, "x", 1)
    assert isinstance(session, LightSession) and not session.config_values
    assert len(SessionState(page).config_values) > 1  # what Gradio itself would keep
    whole = build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})
    assert isinstance(whole.state_holder["x"], LightSession)
    assert not whole.state_holder["x"].config_values


def test_old_sessions_go(page):
    page.state_holder.capacity = 3
    for name in "abcde":
        call(page, name, 1)
    assert [*page.state_holder.session_data] == ["c", "d", "e"]
