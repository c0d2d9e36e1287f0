"""The Fine-tune tab's handlers as plain functions, on a trainer that only pretends."""

import io
import json
import sys
import time
import zipfile

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from test_jobs import ENDLESS, FAKE_TRAINER, wait
from training_helpers import tiny_config

from ddpm_demo.errors import UserError
from ddpm_demo.jobs import Jobs, Progress, store
from ddpm_demo.texts import text
from ddpm_demo.training.config import TrainConfig
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.models import Models
from ddpm_demo.ui.relabel import Texts
from ddpm_demo.ui.tabs.finetune import presets, views
from ddpm_demo.ui.tabs.finetune import tab as finetune
from ddpm_demo.ui.tabs.finetune.desk import Desk
from ddpm_demo.ui.tabs.finetune.panel import refreshed
from ddpm_demo.ui.visitors import Visitor

ME = "visitor"
OWNER = Visitor(is_owner=True)


@pytest.fixture
def desk(tiny_checkpoint, tmp_path, monkeypatch):
    """A desk with the tiny network to start from and runs of its own."""
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setattr(store, "command", lambda config: [sys.executable, "-c", FAKE_TRAINER])
    monkeypatch.setattr(store, "TICK_SECONDS", 0.02)
    models = Models("tiny", {"tiny": str(tiny_checkpoint)})
    made = Desk(models, Jobs(tmp_path / "runs", num_threads=1))
    yield made
    for name in made.jobs.names():
        made.jobs.discard(name)


@pytest.fixture
def form(desk):
    """The tab's form on a page of its own."""
    from ddpm_demo.ui.components.form import Form
    from ddpm_demo.ui.context import Context
    from ddpm_demo.ui.sessions import Store

    with gr.Blocks():
        picker, switch, notice, tabs = gr.Dropdown(), gr.Radio(), gr.HTML(), gr.Tabs()
        ctx = Context(Texts("en"), desk.models, Store(), switch, picker, notice, tabs)
        made = Form(ctx, "finetune")
        finetune._controls(ctx, made)
    return made


@pytest.fixture
def pictures_zip(tmp_path):
    path = tmp_path / "mine.zip"
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20):
            buffer = io.BytesIO()
            pixels = generator.integers(0, 256, (24, 24, 3), np.uint8)
            Image.fromarray(pixels).save(buffer, "PNG")
            archive.writestr(f"picture {number}.png", buffer.getvalue())
        archive.writestr("<b>broken</b>.png", b"nothing")
        archive.writestr("notes.txt", b"hello")
    return str(path)


def values(**changes):
    plain = {"base": "tiny", "preset": "quick", "title": "My cats", "max_steps": ENDLESS}
    plain |= {"minutes": 5, "learning_rate": 2e-4, "batch_size": 4, "train_parts": "all"}
    return {**plain, "flips": True, "ema_decay": 0.99, "seed": 1, "sizes_px": 64, **changes}


def start(desk, pictures_zip, **changes):
    desk.upload(ME, [pictures_zip], values(**changes), OWNER)
    return desk.start(ME, values(**changes), OWNER)


def test_an_upload_is_reported_with_all_that_cannot_be_used(desk, form, pictures_zip):
    report, note, steps, batch, *errors = finetune.uploaded(
        desk, form, ME, [pictures_zip], values(), OWNER, "en"
    )
    assert batch == gr.skip()
    assert "upload-report" in report and "24 × 24 (20)" in report
    assert "2 files cannot be used" in report and "notes.txt" in report
    assert "&lt;b&gt;broken" in report and "<b>broken</b>.png" not in report
    assert text("en", "finetune.advice_few_images") in report
    assert note == "" and steps == presets.PRESETS["quick"].low
    assert len(errors) == len(form.error_outputs)
    chinese = views.report_html(desk.drafts.get(ME), "zh-CN")
    assert text("zh-CN", "finetune.advice_few_images") in chinese


def uploaded_batch(desk, form, folder, count, **changes):
    """(what the batch becomes, the report) after an upload of so many pictures."""
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.new("RGB", (24, 24), (number, 0, 0)).save(path)
    shown, _, _, batch, *_ = finetune.uploaded(
        desk, form, ME, [str(path) for path in paths], values(**changes), OWNER, "en"
    )
    return batch, shown


def test_the_batch_fits_few_pictures_unless_somebody_has_chosen_it(desk, form, tmp_path):
    advice = text("en", "finetune.advice_no_spare_images")
    _, shown = uploaded_batch(desk, form, tmp_path, 20, batch_size=presets.BATCH_SIZE)
    assert advice not in shown  # the form's batch is what is trained with
    batch, shown = uploaded_batch(desk, form, tmp_path, 5, batch_size=presets.BATCH_SIZE)
    assert batch == 5 and advice not in shown
    batch, _ = uploaded_batch(desk, form, tmp_path, 20, batch_size=5)
    assert batch == presets.BATCH_SIZE  # nobody has chosen the 5
    batch, shown = uploaded_batch(desk, form, tmp_path, 5, batch_size=12)
    assert batch == gr.skip() and advice in shown


def test_a_bad_upload_is_one_sentence_and_leaves_nothing(desk, form, tmp_path):
    path = tmp_path / "empty.zip"
    zipfile.ZipFile(path, "w").close()
    report, note, *_ = finetune.uploaded(desk, form, ME, [str(path)], values(), OWNER, "en")
    assert "upload-report" not in report and "no pictures in the upload" in note
    assert desk.drafts.get(ME) is None
    assert list((desk.jobs.folder / store.DRAFTS).iterdir()) == []


def test_the_upload_goes_when_it_is_taken_back_or_the_page_closes(desk, form, pictures_zip):
    finetune.uploaded(desk, form, ME, [pictures_zip], values(), OWNER, "en")
    folder = desk.drafts.get(ME).folder
    assert folder.is_dir() and desk.drafts.get("somebody else") is None
    finetune.uploaded(desk, form, ME, [], values(), OWNER, "en")
    assert desk.drafts.get(ME) is None and not folder.exists()


def test_another_base_makes_the_pictures_ready_again(desk, form, pictures_zip):
    finetune.uploaded(desk, form, ME, [pictures_zip], values(), OWNER, "en")
    first = desk.drafts.get(ME).sheet.size
    scratch = values(base=presets.SCRATCH, sizes_px=32)
    finetune.looked_again(desk, form, ME, scratch, "en")
    assert desk.drafts.get(ME).sheet.size > first
    assert desk.drafts.get(ME).sheet.width == 5 * 32 + 4 * 2


def test_start_makes_a_run_with_the_settings_of_the_controls(desk, form, pictures_zip):
    finetune.uploaded(desk, form, ME, [pictures_zip], values(), OWNER, "en")
    chosen, files, report, note, *_ = finetune.started(desk, form, ME, values(), OWNER, "en")
    assert chosen["value"] == "my-cats" and files is None
    assert "upload-report" not in report and text("en", "finetune.started") in note
    config = desk.jobs.config("my-cats")
    assert (config.batch_size, config.seed, config.max_steps) == (4, 1, ENDLESS)
    assert config.sizes_px == (16,) and config.out == "." and config.data == presets.ARCHIVE
    assert config.max_hours == pytest.approx(5 / 60)
    assert desk.drafts.get(ME) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0),
        ("learning_rate", 10),
        ("max_steps", None),
        ("minutes", -1),
        ("batch_size", 0),
        ("seed", -1),
        ("ema_decay", 2),
    ],
)
def test_a_bad_value_is_told_beside_its_control(desk, form, pictures_zip, field, value):
    finetune.uploaded(desk, form, ME, [pictures_zip], values(), OWNER, "en")
    bad = values(**{field: value})
    chosen, files, report, note, *errors = finetune.started(desk, form, ME, bad, OWNER, "en")
    update = errors[list(form.controls).index(field)]
    assert note == "" and "invalid" in update["elem_classes"] and update["info"].endswith(".")
    assert desk.jobs.names() == [] and desk.drafts.get(ME) is not None


def test_start_without_pictures_says_so(desk, form):
    *_, note = finetune.started(desk, form, ME, values(), OWNER, "en")[:4]
    assert "pictures to train on first" in note


def test_the_watch_is_the_same_for_every_page_and_what_is_seen_stays(desk, pictures_zip):
    name = start(desk, pictures_zip)
    wait(desk.jobs, name, "training")
    while desk.jobs.progress(name).step < 3:
        time.sleep(0.01)
    watch = desk.watch(None, OWNER, "en")
    assert watch.name == name and watch.busy and "Training" in watch.status
    updates = refreshed(desk, watch, 1, OWNER, "en", {})
    assert updates["timer"].active and updates["box"]["elem_classes"] == ["runs"]
    assert updates["pause"]["visible"] and not updates["resume"]["visible"]
    assert {row[2] for row in updates["plot"]["data"]} == {"loss", "smoothed"}
    again = refreshed(desk, watch, 1, OWNER, "en", updates["seen"])
    assert set(again) == {"timer", "seen"}
    assert "训练中" in desk.watch(name, OWNER, "zh-CN").status


def test_pause_resume_stop_and_delete_by_the_buttons(desk, pictures_zip):
    name = start(desk, pictures_zip)
    wait(desk.jobs, name, "training")
    desk.ask("pause", name, OWNER)
    wait(desk.jobs, name, "paused")
    watch = desk.watch(name, OWNER, "en")
    assert not watch.busy
    updates = refreshed(desk, watch, 1, OWNER, "en", {})
    assert updates["resume"]["visible"] and not updates["timer"].active
    desk.ask("resume", name, OWNER)
    wait(desk.jobs, name, "training")
    desk.ask("stop", name, OWNER)
    wait(desk.jobs, name, "finished")
    desk.ask("discard", name, OWNER)
    assert desk.watch(name, OWNER, "en").names == ()
    with pytest.raises(UserError, match="no longer there"):
        desk.ask("resume", name, OWNER)


def test_sample_sheets_are_followed_until_an_older_one_is_chosen(desk, pictures_zip):
    name = start(desk, pictures_zip, max_steps=2)
    wait(desk.jobs, name, "finished")
    run = desk.jobs.folder / name
    (run / "samples").mkdir()

    def sheet(step):
        Image.new("RGB", (8, 8), "red").save(run / "samples" / f"{step}.png")
        event = {"kind": "samples", "step": step, "path": f"samples/{step}.png"}
        with open(run / "events.jsonl", "a") as file:
            file.write(json.dumps({**event, "time": 1.0}) + "\n")
        return desk.watch(name, OWNER, "en")

    seen = refreshed(desk, sheet(1), 1, OWNER, "en", {})["seen"]
    updates = refreshed(desk, sheet(2), 1, OWNER, "en", seen)
    assert updates["slider"]["value"] == 2 and "Samples at step 2" in updates["sheet"]
    later = refreshed(desk, sheet(3), 1, OWNER, "en", updates["seen"])
    assert later["slider"]["value"] == 1 and "Samples at step 1" in later["sheet"]
    assert "Samples at step 3" in desk.sheet(name, 2, OWNER, "en")


def test_the_gauge_says_whether_samples_are_copies(desk, pictures_zip):
    name = start(desk, pictures_zip, max_steps=2)
    wait(desk.jobs, name, "finished")
    run = desk.jobs.folder / name
    (run / "samples").mkdir()
    readings = ((0.9, 0.8), (0.5, 1.0), (0.1, 0.2), (1.3, 4.0), (0.5, 4.0))
    for step, (ratio, unlike) in enumerate(readings, start=1):
        for kind in ("", "-nearest"):
            Image.new("RGB", (8, 8), "red").save(run / "samples" / f"{step}{kind}.png")
        event = {"kind": "samples", "step": step, "path": f"samples/{step}.png", "ratio": ratio}
        event |= {"nearest": f"samples/{step}-nearest.png", "time": 1.0, "unlike": unlike}
        with open(run / "events.jsonl", "a") as file:
            file.write(json.dumps(event) + "\n")
    shown = [desk.gauge(name, index, OWNER, "en") for index in range(len(readings))]
    said = ("new pictures", "come close", "repeat", "Too early", "Too early")
    for html, words in zip(shown, said, strict=True):
        assert words in html and "<img" in html
    updates = refreshed(desk, desk.watch(name, OWNER, "en"), 1, OWNER, "en", {})
    assert updates["gauge"] == shown[-1]
    (run / "samples" / "3-nearest.png").unlink()
    assert desk.gauge(name, 2, OWNER, "en") == ""


def test_the_time_is_told_once_it_has_been_measured(desk, pictures_zip, monkeypatch):
    from ddpm_demo.jobs import estimate
    from ddpm_demo.ui.tabs.finetune import time_needed

    monkeypatch.setattr(estimate, "_measure", lambda config: 0.25)
    wanted = values(max_steps=2400, minutes=60)
    assert time_needed.measured_html(desk, ME, wanted, "en") == ""  # no pictures yet
    desk.upload(ME, [pictures_zip], wanted, OWNER)
    assert "Measuring" in time_needed.time_html(desk, ME, wanted, "en")
    said = time_needed.measured_html(desk, ME, wanted, "en")
    assert "2,400 steps take about 10 min 0 s" in said and "0.25 s a step" in said
    assert said == time_needed.time_html(desk, ME, wanted, "en")
    shorter = time_needed.time_html(desk, ME, values(max_steps=2400, minutes=1), "en")
    assert "after about 240 steps" in shorter
    assert time_needed.time_html(desk, ME, values(max_steps=None), "en") == ""
    monkeypatch.setattr(estimate, "_measure", lambda config: None)
    unknown = time_needed.measured_html(desk, ME, values(batch_size=8), "en")
    assert text("en", "finetune.time_unknown") in unknown


def test_only_the_owner_and_those_logged_in_can_push(desk, pictures_zip, monkeypatch):
    from ddpm_demo.jobs import publish as hub
    from ddpm_demo.ui.tabs.finetune import publish
    from ddpm_demo.ui.tabs.finetune.publish import can_push, pushed

    name = start(desk, pictures_zip, max_steps=1)
    wait(desk.jobs, name, "finished")
    sent = []
    monkeypatch.setattr(hub, "push", lambda folder, name, token: sent.append(folder) or "there")
    assert "no result yet" in pushed(desk, name, OWNER, "cats", "token", "en")
    result = desk.jobs.folder / name / "result"
    result.mkdir()
    (result / "model_index.json").write_text("{}")
    assert "not logged in" in pushed(desk, name, OWNER, "cats", None, "en")
    assert "on the Hub: there" in pushed(desk, name, OWNER, "cats", "token", "en")
    assert sent == [result]

    monkeypatch.setattr(hub, "own_token", lambda: "token")
    assert can_push(OWNER)
    updates = refreshed(desk, desk.watch(name, OWNER, "en"), 1, OWNER, "en", {})
    assert updates["hub"]["visible"]
    stranger = Visitor("somebody else")
    assert not can_push(stranger)
    assert "no longer there" in pushed(desk, name, stranger, "cats", "token", "en")
    monkeypatch.setenv("SPACE_ID", "somebody/ddpm")
    monkeypatch.setenv("OAUTH_CLIENT_ID", "id")
    monkeypatch.setattr(publish, "find_spec", lambda package: True)
    assert can_push(Visitor("anybody"))
    monkeypatch.setattr(publish, "find_spec", lambda package: None)
    assert not can_push(Visitor("anybody"))


def test_the_result_is_a_zip_with_a_plain_folder(desk, pictures_zip, tmp_path):
    name = start(desk, pictures_zip, max_steps=1)
    wait(desk.jobs, name, "finished")
    with pytest.raises(UserError, match="no result yet"):
        desk.archive(name, OWNER, tmp_path)
    result = desk.jobs.folder / name / "result"
    result.mkdir()
    (result / "model_index.json").write_text("{}")
    assert desk.watch(name, OWNER, "en").has_result
    with zipfile.ZipFile(desk.archive(name, OWNER, tmp_path)) as archive:
        assert archive.namelist() == ["my-cats/model_index.json"]


def test_strangers_do_not_see_each_others_runs(desk, pictures_zip, tmp_path, monkeypatch):
    monkeypatch.setenv("DDPM_DEMO_ALLOW_TRAINING", "1")
    mine, theirs = Visitor("mine"), Visitor("theirs")
    desk.upload(ME, [pictures_zip], values(), mine)
    name = desk.start(ME, values(), mine)
    assert desk.names(mine) == desk.names(OWNER) == [name]
    assert desk.names(theirs) == desk.names(Visitor()) == []
    assert desk.watch(name, theirs, "en").names == ()
    for ask in (
        lambda: desk.ask("discard", name, theirs),
        lambda: desk.sheet(name, 0, theirs, "en"),
        lambda: desk.archive(name, theirs, tmp_path),
    ):
        with pytest.raises(UserError, match="no longer there"):
            ask()


@pytest.mark.parametrize(
    ("reason", "words"),
    [("hours", "the time was up"), ("steps", "all steps"), ("signal", "Stopped; “Resume”")],
)
def test_why_a_run_has_ended_is_said(reason, words, tmp_path):
    progress = Progress(step=34, elapsed_s=60, last={"kind": "done", "reason": reason})
    config = tiny_config(tmp_path, max_steps=200)
    line = views.run_status_html("finished", progress, config, 0, "en")
    assert "Step 34 of 200" in line and words in line
    assert "Resume" in line


def test_a_killed_trainer_is_told_with_the_offer_to_resume(desk, pictures_zip):
    name = start(desk, pictures_zip)
    wait(desk.jobs, name, "training")
    from test_jobs import trainers

    for process in trainers(desk.jobs):
        process.kill()
    wait(desk.jobs, name, "killed")
    watch = desk.watch(name, OWNER, "en")
    assert "press “Resume”" in watch.status
    assert refreshed(desk, watch, 1, OWNER, "en", {})["resume"]["visible"]


def test_on_a_space_the_tab_says_that_it_is_off(desk, pictures_zip, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/ddpm")
    monkeypatch.delenv("DDPM_DEMO_ALLOW_TRAINING", raising=False)
    assert "DDPM_DEMO_ALLOW_TRAINING" in finetune._off_html("zh-CN")
    with pytest.raises(UserError, match="off on this public app"):
        desk.upload(ME, [pictures_zip], values(), OWNER)
    page = build_app("tiny", "en", desk.models.owner_folders)
    buttons = [block for block in page.blocks.values() if isinstance(block, gr.Button)]
    started = [button for button in buttons if button.value == text("en", "finetune.start")]
    assert [button.interactive for button in started] == [False]


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_more_pictures_get_more_steps_within_bounds(preset):
    budgets = [presets.step_budget(preset, count) for count in (1, 100, 1000, 10**6)]
    wanted = presets.PRESETS[preset]
    assert budgets == sorted(budgets) and budgets[0] == wanted.low and budgets[-1] == wanted.high


@pytest.mark.parametrize("base", ["fashion-32", "photos", "faces-64", presets.SCRATCH])
def test_every_start_gives_a_configuration_that_the_trainer_takes(base):
    settings = presets.run_settings(Models(), values(base=base))
    config = TrainConfig.from_mapping({**settings, "out": "."})
    assert config.fit == ("crop" if base == "photos" else "resize")
    assert config.channels == (1 if base == "fashion-32" else 3)
