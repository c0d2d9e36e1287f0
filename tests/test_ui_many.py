"""Many pictures on the page as plain functions: a table, errors by name, cancel, the archive."""

import os
import re
import shutil
import zipfile

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from ddpm_demo.batch import work
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.many_runs import ManyRuns
from ddpm_demo.ui.restoring import to_many_of
from ddpm_demo.ui.tabs.task.many_table import outcome_text, table_html
from ddpm_demo.ui.work_limit import VARIABLE

ME = "visitor"
FAST = {"checkpoint": "tiny", "sigma_255": 9.0, "num_steps": 1, "perception": 0.0, "seed": None}


@pytest.fixture(scope="module")
def app(tiny_checkpoint):
    return build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})


@pytest.fixture
def ctx(app):
    yield app.ctx
    app.ctx.store.forget(ME)


@pytest.fixture
def flow(ctx):
    return ctx.parts["many_denoise"]


@pytest.fixture
def pictures(tmp_path):
    """Three pictures and a broken one in the middle, as paths of uploads."""
    paths = [tmp_path / name for name in ("a.png", "b.png", "broken.jpg", "<i>.png")]
    for seed, path in enumerate(paths):
        pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    paths[2].write_bytes(b"nothing")
    return [str(path) for path in paths]


def done(flow, paths, language="en", **changes):
    """(the run, updates at the end by component)."""
    run_id, begun = flow.on_run({**FAST, **changes}, paths, None, language, ME)
    assert run_id is not None and len(begun) == len(flow.outputs)
    streamed = list(flow.on_stream(run_id, language, ME))
    assert all(len(update) == 2 for update in streamed)
    finished = flow.on_finish(run_id, language, ME)
    assert len(finished) == len(flow.outputs)
    return flow.runs.newest(ME, "denoise"), dict(zip(flow.outputs, finished, strict=True))


def rows(table):
    return [re.sub("<[^>]+>", "|", row) for row in re.findall("<tr class.*?</tr>", table)]


def test_somebody_uploads_the_same_picture_meanwhile(flow, pictures):
    """Gradio names an upload after its content, and writes it again: its time changes."""
    run_id, _ = flow.on_run(FAST, pictures[:2], None, "en", ME)
    for _ in flow.on_stream(run_id, "en", ME):
        for path in pictures[:2]:
            os.utime(path, ns=(1, 1))
    updates = dict(zip(flow.outputs, flow.on_finish(run_id, "en", ME), strict=True))
    run = flow.runs.newest(ME, "denoise")
    assert run.phase == "done" and run.count("done") == 2
    assert len(rows(updates[flow.table])) == 2
    assert len([name for name in names_in(run) if name.endswith(".png")]) == 2


def names_in(run):
    with zipfile.ZipFile(run.state.archive) as archive:
        return archive.namelist()


def test_each_picture_has_a_line_and_one_that_fails_does_not_end_the_rest(flow, pictures):
    run, updates = done(flow, pictures)
    assert run.phase == "done" and run.count("done") == 3
    table = updates[flow.table]
    found = rows(table)
    assert len(found) == 4
    assert "a.png" in found[0] and "9.0" in found[0] and "done" in found[0]
    assert "broken.jpg" in found[2] and "not a picture that can be read" in found[2]
    assert "<i>" not in table and "&lt;i&gt;.png" in table
    assert "3 of 4 pictures done · 1 failed" in updates[flow.status]
    assert updates[flow.saved.buttons[0]]["interactive"]
    assert updates[flow.run]["interactive"] and not updates[flow.cancel]["interactive"]

    with zipfile.ZipFile(flow.make_file("zip", ME)) as archive:
        names = archive.namelist()
        first = archive.extract("a-denoised.png", run.folder / "out")
    assert sorted(names)[:3] == ["_i_-denoised.png", "a-denoised.png", "b-denoised.png"]
    assert {"batch-report.csv", "batch-report.json"} <= {*names}
    assert read_recipe(first)["sigma_255"] == 9
    chinese, table = flow.on_language("zh-CN", ME)
    assert "已完成 3/4 张" in chinese and "完成" in table


def test_the_table_is_there_at_once_and_grows(flow, pictures):
    run_id, _ = flow.on_run(FAST, pictures, None, "en", ME)
    tables = [table for _, table in flow.on_stream(run_id, "en", ME) if isinstance(table, str)]
    waiting = [sum("|waiting|" in row for row in rows(table)) for table in tables]
    assert waiting[0] == 4 and waiting[-1] == 0
    assert waiting == sorted(waiting, reverse=True) and {1, 2, 3} & {
        *waiting
    }  # as many as were drawn


def test_cancelled_it_keeps_what_is_done(flow, pictures):
    run_id, _ = flow.on_run(FAST, pictures, None, "en", ME)
    for _ in flow.on_stream(run_id, "en", ME):
        run = flow.runs.newest(ME, "denoise")
        if run.count("done") == 1 and not run.cancel_asked:
            flow.on_cancel("en", ME)
    updates = dict(zip(flow.outputs, flow.on_finish(run_id, "en", ME), strict=True))
    assert run.phase == "cancelled"
    assert "Stopped after" in updates[flow.status] and "of 4 pictures" in updates[flow.status]
    assert sum("waiting" in row for row in rows(updates[flow.table])) >= 1
    with zipfile.ZipFile(flow.make_file("zip", ME)) as archive:
        assert "a-denoised.png" in archive.namelist()


def test_cancel_ends_a_picture_that_takes_long(flow, pictures):
    """Within its run, not after it: nobody could wait for 10,000 steps."""
    run_id, _ = flow.on_run(
        {**FAST, "num_steps": 10_000, "perception": 1.0}, pictures[:1], None, "en", ME
    )
    for index, _ in enumerate(flow.on_stream(run_id, "en", ME)):
        if index == 3:
            flow.on_cancel("en", ME)
    run = flow.runs.newest(ME, "denoise")
    assert run.phase == "cancelled" and run.archive is None
    assert not flow.on_finish(run_id, "en", ME)[-1]["interactive"]


def test_one_that_waits_does_not_start_once_it_is_cancelled(flow, pictures, monkeypatch):
    monkeypatch.setattr(work, "work", lambda *arguments, **more: pytest.fail("it started"))
    run_id, _ = flow.on_run(FAST, pictures, None, "en", ME)
    flow.on_cancel("en", ME)
    list(flow.on_stream(run_id, "en", ME))
    assert "Cancelled before there was a result" in flow.on_finish(run_id, "en", ME)[2]


@pytest.mark.parametrize(
    ("changes", "paths", "said"),
    [
        ({}, [], "Give a picture first."),
        ({}, None, "Give a picture first."),
        ({"sigma_255": 300.0}, ["x.png"], "between 0.5 and 255"),
        ({"checkpoint": "/etc"}, ["x.png"], "no checkpoint called"),
    ],
)
def test_mistakes_are_one_sentence_at_once(flow, changes, paths, said):
    run_id, updates = flow.on_run({**FAST, **changes}, paths, None, "en", ME)
    assert run_id is None
    assert said in dict(zip(flow.outputs, updates, strict=True))[flow.said]


def test_what_is_wrong_with_an_archive_is_said_when_it_is_opened(flow, tmp_path):
    path = tmp_path / "no.zip"
    path.write_bytes(b"no archive")
    run, updates = done(flow, [str(path)])
    assert run.phase == "failed" and updates[flow.run]["interactive"]
    assert updates[flow.said].count(".") >= 1 and "no.zip" in updates[flow.said]


def test_all_pictures_together_have_the_work_of_one_request(flow, pictures, monkeypatch):
    monkeypatch.setenv(VARIABLE, "0.0003")  # a picture takes 16 x 16 / 1e6
    run, updates = done(flow, pictures)
    assert run.count("done") == 1
    assert "the most for one request" in updates[flow.table]


def test_an_archive_dropped_on_the_page_goes_to_the_open_tab(ctx):
    assert to_many_of(ctx, "/cache/holiday.ZIP", "generate") is None
    assert to_many_of(ctx, "/cache/a.png", "denoise") is None
    files, around = ctx.many["denoise"]
    updates = to_many_of(ctx, "/cache/holiday.zip", "denoise")
    assert updates == {files: ["/cache/holiday.zip"], around: gr.update(open=True)}


def test_a_mask_of_all_and_room_around(ctx, tmp_path, pictures):
    flow = ctx.parts["many_inpaint"]
    mask = np.zeros((16, 16), np.uint8)
    mask[4:8, 4:8] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    values = {"checkpoint": "tiny", "num_steps": 1, "perception": 0.0, "expand_left": 0}
    run_id, _ = flow.on_run(values, pictures[:2], str(tmp_path / "mask.png"), "en", ME)
    list(flow.on_stream(run_id, "en", ME))
    run = flow.runs.newest(ME, "inpaint")
    assert run.count("done") == 2, run.rows


def test_runs_of_all_visitors_are_bounded(ctx, tmp_path, monkeypatch):
    from ddpm_demo.ui import many_runs

    monkeypatch.setattr(many_runs, "MAX_KEPT", 2)
    runs = ManyRuns(ctx.models, lambda session: tmp_path)
    from ddpm_demo.tasks.denoise import DenoiseRecipe

    begun = [runs.begin(f"v{n}", DenoiseRecipe, FAST, ["a.png"]) for n in range(3)]
    assert runs.newest("v0", "denoise") is None
    assert runs.newest("v2", "denoise") is begun[2]
    again = runs.begin("v2", DenoiseRecipe, FAST, ["a.png"])
    assert begun[2].cancel_asked and runs.newest("v2", "denoise") is again
    assert "Cancelled" in outcome_text(again, "en") and table_html(again, "en") == ""
    shutil.rmtree(again.folder)
