"""The Interpolate tab's handlers as plain functions, on a tiny network."""

import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.pictures.animation import animate
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.components.send_to import picture_to_send
from ddpm_demo.ui.restoration.pictures import example_path
from ddpm_demo.ui.restoring import restored
from ddpm_demo.ui.tabs.interpolate import tab as interpolate
from ddpm_demo.ui.tabs.interpolate.exports import export_interpolation
from ddpm_demo.ui.tabs.interpolate.shown import report_html, shown_of
from ddpm_demo.ui.tabs.interpolate.tab import with_options
from ddpm_demo.ui.tabs.task.examples import examples_of

ME = "visitor"


@pytest.fixture(scope="module")
def app(tiny_checkpoint):
    return build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})


@pytest.fixture
def flow(app):
    yield app.ctx.flows["interpolate"]
    app.ctx.store.forget(ME)


def values(**changes):
    ends = {f"image_{k}": None for k in "abcd"} | {f"seed_{k}": n for n, k in enumerate("abcd")}
    plain = {"checkpoint": "tiny", "shape": "line", "num_between": 2, "method": "ddim"}
    rest = {
        "num_steps": 4,
        "max_evaluations": 8,
        "t": 300,
        "num_samples": 2,
        "seed": 0,
        "size_px": None,
    }
    return {**ends, **plain, **rest, "fps": 8, "there_and_back": True, **changes}


def run_through(flow, **changes):
    run_id, updates = flow.on_run(values(**changes), "en", ME)
    assert run_id is not None, updates
    list(flow.on_stream(run_id, "en", ME))
    finished = flow.on_finish(run_id, "en", ME)
    return flow.ctx.store.result(ME, "interpolate"), finished


def refused(flow, **changes):
    """The one sentence about `changes`, wherever the page shows it."""
    run_id, updates = flow.on_run(values(**changes), "en", ME)
    if run_id is not None:
        list(flow.on_stream(run_id, "en", ME))
        updates = flow.on_finish(run_id, "en", ME)
    sentences = set()
    for component, update in zip(flow.finish_outputs, updates, strict=False):
        if isinstance(update, str) and "notice-error" in update:
            sentences.add(re.sub("<[^>]*>", "", update))
        if isinstance(update, dict) and "invalid" in (update.get("elem_classes") or []):
            assert component in flow.form.controls.values()
            sentences.add(update["info"])
    assert len(sentences) == 1, sentences
    return sentences.pop()


def picture(tmp_path, name, size=(16, 16), mode="RGB", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    path = tmp_path / name
    Image.fromarray(pixels).convert(mode).save(path)
    return str(path)


def scene_of(flow, finished):
    """What the stage is told."""
    return update_of(flow, finished, flow.view.stage.component)


def layers(scene):
    return [layer["name"] for layer in scene["layers"]]


def update_of(flow, updates, component):
    return updates[flow.finish_outputs.index(component)]


def test_a_line_between_two_seeds_can_be_slid_through(flow, monkeypatch):
    record, finished = run_through(flow)
    scene = scene_of(flow, finished)
    assert (len(record.images), len(scene["samples"]), scene["chosen"]) == (4, 4, 2)
    assert scene["is_path"] and scene["captions"][1]["en"] == "Frame 2 of 4: 67 % A, 33 % B"
    assert "第 2 帧" in scene["captions"][1]["zh-CN"]
    # The sheet and the animation are layers: nothing stands on the page twice.
    assert layers(scene) == ["sheet", "animation"] and scene["layer"] == ""
    moving = scene["layers"][1]["pictures"][0]
    assert moving["data"].startswith("data:image/webp") and moving["width"] == 16
    assert report_html(record, 0, "en") == ""  # seeds have no reconstruction
    monkeypatch.setattr(flow.ctx.models, "load", None)  # what follows calls no network
    status, measures = flow.view.on_select(record, flow.view.stage.read({"sample": 3}), "en")
    assert "Done in" in status and measures == ""


def test_a_grid_has_four_corners_and_lies_as_it_is(flow):
    record, finished = run_through(flow, shape="grid", num_between=1)
    scene = scene_of(flow, finished)
    assert len(record.images) == 9
    assert (scene["columns"], scene["chosen"]) == (3, 4)  # the middle
    assert scene["captions"][5]["en"] == "Column 3, row 2 of 3"
    with Image.open(export_interpolation(record, "strip", flow.ctx.store.folder(ME))) as grid:
        assert grid.size == (3 * 16 + 4, 3 * 16 + 4)


def test_a_long_line_is_thinned_and_what_is_sent_is_what_is_seen(flow, monkeypatch):
    monkeypatch.setattr("ddpm_demo.ui.tabs.interpolate.shown.MAX_SAMPLES", 5)
    record, finished = run_through(flow, num_between=11, num_steps=2)
    scene, shown = scene_of(flow, finished), shown_of(record)
    assert shown.indices == [0, 3, 6, 9, 12] and len(scene["samples"]) == 5
    assert scene["captions"][1]["en"].startswith("Frame 4 of 13")
    names = [sample["full"]["orig_name"] for sample in scene["samples"]]
    assert names == [f"frame-{k:04d}.png" for k in shown.indices]
    path = picture_to_send(
        flow.ctx.store, ME, "interpolate", 1, lambda found, k: shown_of(found).index(k)
    )
    assert path.endswith("frame-0003.png")


def test_two_pictures_come_back_and_the_error_is_shown(flow, tmp_path):
    a, b = picture(tmp_path, "a.png"), picture(tmp_path, "b.png", seed=1)
    record, finished = run_through(flow, image_a=a, image_b=b, max_evaluations=30)
    ends = np.stack([np.asarray(record.images[k]) for k in (0, 3)]).astype(int)
    wanted = np.stack([np.asarray(Image.open(path)) for path in (a, b)])
    assert np.abs(ends - wanted).mean() < 3
    report = report_html(record, 0, "en")
    assert report.count("<li>") == 2 and "PSNR" in report and "notice" not in report
    assert update_of(flow, finished, flow.view.measures) == report
    saved = read_recipe(export_interpolation(record, "strip", flow.ctx.store.folder(ME)))
    assert len(saved["reconstruction_mse"]) == 2 and saved["ends"] == ["image", "image"]


def test_pictures_of_other_sizes_and_modes_are_made_alike_and_it_is_said(flow, tmp_path):
    a = picture(tmp_path, "a.png", (40, 20))
    b = picture(tmp_path, "b.png", (16, 16), "L", seed=1)
    record, _ = run_through(flow, image_a=a, image_b=b)
    report = report_html(record, 0, "en")
    assert "differ in size or mode (40 x 20 RGB, 16 x 16 L)" in report
    assert "notice-info" in report


def test_mixes_have_several_samples(flow, tmp_path):
    image = picture(tmp_path, "a.png")
    record, finished = run_through(flow, method="ddpm", image_a=image, num_samples=3)
    assert len(record.images) == 12 and record.job.recipe.t == 300
    scene = scene_of(flow, finished)
    assert scene["columns"] % 3 == 0 and scene["chosen"] == 6  # the first sample of frame 3
    assert scene["captions"][4]["en"] == "Frame 2 of 4: 67 % A, 33 % B · sample 2 of 3"
    assert report_html(record, 0, "en") == ""
    names = zipfile.ZipFile(export_interpolation(record, "png", flow.ctx.store.folder(ME)))
    assert names.namelist()[:2] == ["frame-0000-sample-0.png", "frame-0000-sample-1.png"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_between": 0}, "between 1 and 10000, not 0"),
        ({"num_between": 10_001}, "between 1 and 10000, not 10001"),
        ({"num_between": None}, "Enter a number"),
        ({"seed_b": -1}, "Seed B must be between 0"),
        ({"seed_a": 5, "seed_b": 5}, "same picture"),
        ({"method": "ddpm", "t": 1001}, "t must be between 0 and 1000, not 1001"),
        ({"method": "ddpm", "num_samples": 5000}, "20000 pictures"),
        ({"num_steps": 1001}, "between 1 and 1000"),
        ({"checkpoint": "/etc"}, "no checkpoint called"),
    ],
)
def test_a_mistake_is_one_sentence(flow, changes, words):
    assert words in refused(flow, **changes)


def test_the_same_picture_twice_and_a_file_that_is_none_are_a_sentence(flow, tmp_path):
    same = {"image_a": picture(tmp_path, "a.png"), "image_b": picture(tmp_path, "b.png")}
    assert "same picture" in refused(flow, **same)
    text = tmp_path / "c.png"
    text.write_text("no picture")
    assert "not a picture" in refused(flow, image_b=str(text))


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_the_animation_goes_there_and_back_or_not(flow, kind):
    record, _ = run_through(flow)
    folder = flow.ctx.store.folder(ME)
    with Image.open(export_interpolation(record, kind, folder)) as moving:
        assert moving.n_frames == 6 and moving.size == (256, 256)
    before = flow.view.result(record)["layers"][-1]["pictures"]
    told = {"sample": 3, "layer": "animation"}
    scene = with_options(flow.view, ME, told, False, 8)
    assert scene["layers"][-1]["pictures"] != before
    assert (scene["chosen"], scene["layer"]) == (3, "animation")
    with Image.open(export_interpolation(record, kind, folder)) as moving:
        assert moving.n_frames == 4


def test_an_mp4_is_made_where_ffmpeg_is_installed_else_a_sentence(flow, monkeypatch):
    record, _ = run_through(flow)
    asked = {}

    def pretended(frames, kind, **options):
        asked.update(frames=len(frames), kind=kind, **options)
        return b"film"

    with monkeypatch.context() as patch:
        patch.setattr("ddpm_demo.pictures.animation.animate", pretended)
        path = export_interpolation(record, "mp4", flow.ctx.store.folder(ME))
    assert path.read_bytes() == b"film"
    assert asked == {"frames": 4, "kind": "mp4", "fps": 8, "there_and_back": True, "enlarge": 16}
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match="ffmpeg"):
        export_interpolation(record, "mp4", flow.ctx.store.folder(ME))
    assert animate(record.images, "gif")[:3] == b"GIF"


def test_a_run_stopped_on_the_way_up_has_no_frames_and_says_so(flow, tmp_path):
    wanted = values(image_a=picture(tmp_path, "a.png"), num_steps=900)
    run_id, _ = flow.on_run(wanted, "en", ME)
    for scene, _ in flow.on_stream(run_id, "en", ME):
        if isinstance(scene, dict) and scene.get("progress", {}).get("step"):
            flow.on_cancel("en", ME)
    finished = flow.on_finish(run_id, "en", ME)
    assert len(finished) == len(flow.finish_outputs)
    record = flow.ctx.store.result(ME, "interpolate")
    scene = scene_of(flow, finished)
    assert not scene["is_path"] and "animation" not in layers(scene)
    with pytest.raises(UserError, match="stopped before"):
        export_interpolation(record, "strip", flow.ctx.store.folder(ME))


def test_a_picture_restores_the_controls(flow, app, tmp_path):
    changes = {"seed_a": 7, "seed_b": 9, "method": "ddpm", "t": 120, "num_samples": 2}
    record, finished = run_through(flow, **changes, num_between=1, seed=4)
    path = scene_of(flow, finished)["samples"][3]["full"]["path"]
    recipe, *_ = restored(app.ctx.models, path, "en")
    found = app.ctx.task_tabs["interpolate"].control_values(recipe)
    assert {**values(), **found} == values(
        **changes, num_between=1, seed=4, size_px=16, precision="float32"
    )
    again, _ = run_through(flow, **found)
    assert np.array_equal(np.asarray(again.images[3]), np.asarray(record.images[3]))


def test_every_example_can_be_run(flow, app):
    shown = examples_of(app.ctx, interpolate.ARRANGEMENT)
    assert len(shown) == 5
    for preset in shown.values():
        assert {"checkpoint", *flow.form.controls} >= {*preset}
        # An example says nothing of the animation.
        job = flow.prepare({"checkpoint": "tiny", **preset})
        assert job.recipe.frames.num_frames > 2
        assert job.inputs["animation"] == {"there_and_back": True, "fps": 8}
    assert Image.open(example_path("face-1.png")).size == (64, 64)
