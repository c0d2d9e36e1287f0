"""The Generate tab's handlers as plain functions, on a tiny network."""

import inspect
import json
import zipfile
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from gradio.blocks import convert_component_dict_to_list
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.pictures.png_recipe import png_bytes, read_recipe
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.texts import text
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.components.seed import last_seed, roll
from ddpm_demo.ui.components.send_to import picture_to_send
from ddpm_demo.ui.exports import export
from ddpm_demo.ui.restoring import restored
from ddpm_demo.ui.stage import Said
from ddpm_demo.ui.stage_view import cell
from ddpm_demo.ui.stream import preview_grid, sheet_columns, sheet_of
from ddpm_demo.ui.tabs.generate import EXAMPLES
from ddpm_demo.ui.tabs.task.arrangement import Arrangement
from ddpm_demo.ui.tabs.task.examples import examples_of

ME = "visitor"


@pytest.fixture(scope="module")
def app(tiny_checkpoint):
    """The page with the tiny network in place of a bundled one."""
    return build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})


@pytest.fixture
def ctx(app):
    yield app.ctx
    app.ctx.store.forget(ME)


@pytest.fixture
def flow(ctx):
    return ctx.flows["generate"]


def values(**changes):
    plain = {"checkpoint": "tiny", "num_images": 3, "seed": 7, "sampler": "ddim"}
    rest = {"num_steps": 4, "eta": 0.0, "spacing": "", "size_px": None}
    return {**plain, **rest, "langevin_steps": None, "step_size": None, **changes}


def run_through(flow, **changes):
    """Run, stream and finish; returns the record."""
    run_id, _ = flow.on_run(values(**changes), "en", ME)
    assert run_id is not None
    scenes = [scene for scene, _ in flow.on_stream(run_id, "en", ME)]
    told = [scene["progress"] for scene in scenes if "x_t" in scene][-1]
    assert (told["step"], told["num_steps"]) == (4, 4)
    finished = flow.on_finish(run_id, "en", ME)
    assert len(finished) == len(flow.finish_outputs)
    return flow.ctx.store.result(ME, "generate")


def update_of(flow, updates, component):
    return updates[flow.finish_outputs.index(component)]


def stage_of(flow, updates):
    """The scene that the stage is given."""
    return update_of(flow, updates, flow.view.stage.component)


def test_the_run_buttons_follow_the_run(flow):
    run_id, started = flow.on_run(values(), "en", ME)
    assert update_of(flow, started, flow.bar.run)["interactive"] is False
    assert update_of(flow, started, flow.bar.cancel)["interactive"] is True
    scenes = [scene for scene, _ in flow.on_stream(run_id, "en", ME)]
    assert sum("x0_hat" in scene and "x_t" in scene for scene in scenes) >= 2
    finished = flow.on_finish(run_id, "en", ME)
    assert update_of(flow, finished, flow.bar.run)["interactive"] is True
    assert update_of(flow, finished, flow.bar.cancel)["interactive"] is False
    scene = stage_of(flow, finished)
    assert (scene["phase"], len(scene["samples"]), scene["num_steps"]) == ("result", 3, 5)
    assert [layer["name"] for layer in scene["layers"]] == ["sheet"] and scene["columns"] == 3
    # The end is told once: a second call changes nothing.
    assert "phase" not in stage_of(flow, flow.on_finish(run_id, "en", ME))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("num_images", 10_000, "Images must be between 1 and 256, not 10000."),
        ("num_images", 0, "Images must be between 1 and 256, not 0."),
        ("num_images", None, "number"),
        ("num_steps", 0, "Steps must be between 1"),
        ("num_steps", 10_001, "Steps must be between 1 and 10000, not 10001."),
        ("seed", -1, "Seed must be between 0"),
        ("sampler", "magic", "must be one of"),
        ("eta", 1.5, "between 0 and 1"),
    ],
)
def test_a_mistake_is_one_sentence_beside_its_control(flow, field, value, words):
    result = run_through(flow)
    run_id, updates = flow.on_run(values(**{field: value}), "en", ME)
    assert run_id is None
    note = update_of(flow, updates, flow.form.controls[field])
    assert words in note["info"] and "invalid" in note["elem_classes"]
    assert update_of(flow, updates, flow.bar.run)["interactive"] is True
    assert update_of(flow, updates, flow.bar.notice) == ""
    # Nothing is broken afterwards, and the last result stays.
    assert flow.ctx.store.result(ME, "generate") is result
    assert list(flow.on_stream(run_id, "en", ME))
    _, updates = flow.on_run(values(), "en", ME)
    control = update_of(flow, updates, flow.form.controls[field])
    assert "invalid" not in control["elem_classes"] and words not in (control["info"] or "")


@pytest.mark.parametrize("name", ["no-such-checkpoint", "", None, "/etc", "../tiny"])
def test_a_checkpoint_that_is_not_there_is_said_in_the_header(flow, name):
    run_id, updates = flow.on_run(values(checkpoint=name), "zh-CN", ME)
    assert run_id is None
    note = update_of(flow, updates, flow.ctx.checkpoint_notice)
    assert "notice-error" in note and "模型" in note


def test_too_many_steps_for_the_schedule_are_said_when_the_run_starts(flow):
    run_id, _ = flow.on_run(values(num_steps=5000), "en", ME)
    list(flow.on_stream(run_id, "en", ME))
    updates = flow.on_finish(run_id, "en", ME)
    assert "1000" in update_of(flow, updates, flow.form.controls["num_steps"])["info"]
    assert update_of(flow, updates, flow.bar.run)["interactive"] is True


def test_cancel_leaves_the_estimate_of_the_last_step_marked_as_unfinished(flow):
    run_id, _ = flow.on_run(values(num_steps=900), "en", ME)
    for scene, _ in flow.on_stream(run_id, "en", ME):
        if "x_t" in scene:
            flow.on_cancel("en", ME)
    updates = flow.on_finish(run_id, "en", ME)
    scene = stage_of(flow, updates)
    assert len(scene["samples"]) == 3
    assert "Stopped at step" in update_of(flow, updates, flow.view.status)
    saved = read_recipe(scene["samples"][0]["full"]["path"])
    assert saved["stopped_at_step"] < 900


def test_a_run_that_the_queue_had_no_room_for_is_one_sentence(flow):
    run_id, _ = flow.on_run(values(), "en", ME)
    updates = flow.on_finish(run_id, "en", ME)  # the stream never ran
    assert "Too many runs" in update_of(flow, updates, flow.bar.notice)
    assert update_of(flow, updates, flow.bar.run)["interactive"] is True
    assert run_through(flow) is not None


def test_a_result_that_cannot_be_written_does_not_leave_the_page_running(flow, monkeypatch):
    run_id, _ = flow.on_run(values(), "en", ME)
    list(flow.on_stream(run_id, "en", ME))
    monkeypatch.setattr("ddpm_demo.ui.stage.component.rendition", lambda *given: 1 / 0)
    updates = flow.on_finish(run_id, "en", ME)
    assert "unexpected" in update_of(flow, updates, flow.bar.notice)
    assert update_of(flow, updates, flow.bar.run)["interactive"] is True


def test_scrubbing_shows_stored_steps_and_calls_no_network(flow, monkeypatch):
    record = run_through(flow)
    monkeypatch.setattr(flow.ctx.models, "load", None)
    scene, status = flow.view.on_step(record, Said(step=0, sample=1), "en")
    assert "Step 0 of 4" in status and "t = 999" in status
    assert (scene["picture"]["width"], scene["x_t"]["height"]) == (16, 16)
    other, _ = flow.view.on_step(record, Said(step=3, sample=1), "en")
    assert scene["picture"]["data"] != other["picture"]["data"]
    neighbour, _ = flow.view.on_step(record, Said(step=3, sample=2), "en")
    assert neighbour["picture"]["data"] != other["picture"]["data"]
    whole, _ = flow.view.on_step(record, Said(step=3, layer="sheet"), "en")
    assert whole["picture"]["width"] == 16 * record.columns == 48
    status, _ = flow.view.on_select(record, Said(sample=1), "zh-CN")
    assert text("zh-CN", "common.status_steps", count=4) in status
    assert "no longer stored" in flow.view.on_step(None, Said(step=3), "en")[1]


def test_a_step_shows_the_sample_that_is_on_the_stage():
    pictures = [Image.new("RGB", (8, 6), (40 * k, 0, 0)) for k in range(5)]
    grid = preview_grid(pictures, columns=3)
    for index in (*range(5), 9):
        found = cell(grid, 3, 5, index)
        assert found.size == (8, 6) and found.getpixel((4, 3))[0] == 40 * min(index, 4)


@pytest.mark.parametrize(
    ("count", "size", "columns"), [(1, (64, 64), 1), (4, (64, 64), 2), (16, (64, 64), 6)]
)
def test_a_sheet_has_the_shape_of_the_stage(count, size, columns):
    assert sheet_columns(count, size) == columns


def test_the_gallery_has_the_true_pixels_and_the_recipe(flow):
    record = run_through(flow)
    folder = flow.ctx.store.folder(ME)
    with zipfile.ZipFile(export(record, "png", folder)) as archive:
        names = archive.namelist()
        archive.extractall(folder)
    assert names == ["seed-7.png", "seed-8.png", "seed-9.png"]
    with Image.open(folder / names[1]) as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(record.images[1]))
    recipe = read_recipe(folder / names[1])
    assert (recipe["seed"], recipe["image_index"], recipe["sampler"]) == (7, 1, "ddim")


def test_downloads_of_every_kind(flow):
    record = run_through(flow, num_images=1)
    folder = flow.ctx.store.folder(ME)
    with Image.open(export(record, "enlarged", folder)) as large:
        assert large.size == (512, 512) and large.format == "PNG"
        assert np.array_equal(np.asarray(large)[::32, ::32], np.asarray(record.images[0]))
    for kind in ("gif", "webp"):
        with Image.open(export(record, kind, folder)) as moving:
            assert moving.n_frames == 5 and moving.size == (256, 256)
    recipe = json.loads(export(record, "recipe", folder).read_text())
    assert recipe["checkpoint"] == "tiny" and "image_index" not in recipe
    with pytest.raises(UserError, match="no result"):
        export(None, "png", folder)


def test_a_picture_restores_every_control(flow, ctx, tmp_path):
    record = run_through(flow, eta=0.5, spacing="leading", num_images=2)
    path = export(record, "png", ctx.store.folder(ME))
    with zipfile.ZipFile(path) as archive:
        picture = archive.extract("seed-8.png", tmp_path)
    recipe, note, _ = restored(ctx.models, picture, "en")
    # That one picture, not the sheet that it was made with.
    found = ctx.task_tabs["generate"].control_values(recipe)
    wanted = values(eta=0.5, spacing="leading", num_images=1, seed=8, size_px=16)
    wanted |= {"guidance": 1.0, "mix": "", "variation": 0.0}
    wanted["precision"] = "float32"  # the one that was used
    assert {"checkpoint": recipe.checkpoint, **found} == wanted
    assert "restored" in note
    again = run_through(flow, **found)
    difference = np.asarray(again.images[0]).astype(int) - np.asarray(record.images[1])
    assert np.abs(difference).max() <= 1  # rounding of other batch sizes


def test_other_weights_under_the_same_name_are_noticed(ctx, tmp_path):
    saved = {"task": "generate", "checkpoint": "tiny", "weight_hash": "0123456789ab"}
    path = tmp_path / "old.png"
    path.write_bytes(png_bytes(Image.new("RGB", (4, 4)), saved))
    _, note, _ = restored(ctx.models, str(path), "en")
    assert "weights" in note


def test_files_without_a_usable_recipe_are_one_sentence(ctx, tmp_path):
    plain = {"task": "generate", "checkpoint": "tiny"}
    cases = {
        "recipe_not_png": b"just some text",
        "recipe_absent": png_bytes(Image.new("RGB", (4, 4))),
        "recipe_task_unknown": png_bytes(Image.new("RGB", (4, 4)), {"task": "fly"}),
        "range": png_bytes(Image.new("RGB", (4, 4)), {**plain, "num_images": 10**9}),
        "recipe_value": png_bytes(Image.new("RGB", (4, 4)), {**plain, "checkpoint": 5}),
        "checkpoint_unknown": png_bytes(
            Image.new("RGB", (4, 4)), {"task": "generate", "checkpoint": "/etc"}
        ),
    }
    for key, content in cases.items():
        path = tmp_path / "dropped"
        path.write_bytes(content)
        with pytest.raises(UserError) as caught:
            restored(ctx.models, str(path), "en")
        assert caught.value.key == key


def test_a_dropped_file_changes_its_own_tab_and_nothing_else(app, ctx, tmp_path):
    """As Gradio takes it: every component that is changed is among the handler's outputs."""
    (dropped,) = [fn for fn in app.fns.values() if getattr(fn.fn, "__name__", "") == "on_drop"]

    def drop(content, tab):
        path = tmp_path / "dropped.png"
        path.write_bytes(content)
        request = SimpleNamespace(session_hash=ME)
        updates = inspect.unwrap(dropped.fn)(str(path), "en", tab, request)
        updates = convert_component_dict_to_list(dropped.outputs, updates)
        told = zip(dropped.outputs, updates, strict=True)
        return {component: update for component, update in told if update != gr.skip()}

    saved = {"task": "generate", "checkpoint": "tiny", "seed": 5}
    changed = drop(png_bytes(Image.new("RGB", (4, 4)), saved), "denoise")
    form = ctx.task_tabs["generate"].form
    assert changed[form.controls["seed"]]["value"] == 5
    assert changed[ctx.checkpoint] == "tiny" and changed[ctx.tabs].selected == "generate"
    others = {component for tab in ctx.task_tabs.values() for component in tab.form.inputs}
    assert not changed.keys() & (others - set(form.inputs))
    stage = ctx.receivers["denoise"].component
    changed = drop(png_bytes(Image.new("RGB", (4, 4))), "denoise")  # none of ours: for that tab
    assert stage in changed and "" in changed.values() and ctx.tabs not in changed
    changed = drop(b"no picture", "denoise")
    assert stage not in changed
    assert any("notice-error" in update for update in changed.values() if update)


def test_the_seed_can_be_rolled_and_taken_back(flow, ctx):
    assert last_seed(ctx.store, ME, "generate", 5) == 5
    run_through(flow, seed=11)
    assert last_seed(ctx.store, ME, "generate", 5) == 11
    assert len({roll() for _ in range(8)}) > 1


def test_a_picture_can_be_sent_on(flow, ctx):
    with pytest.raises(UserError, match="no picture"):
        picture_to_send(ctx.store, ME, "generate", 0)
    record = run_through(flow)
    with Image.open(picture_to_send(ctx.store, ME, "generate", 2)) as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(record.images[2]))
    assert picture_to_send(ctx.store, ME, "generate", 99).endswith("seed-9.png")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_is_left_of_a_preview_is_transparent(mode):
    grid = preview_grid([Image.new(mode, (8, 8), "white")] * 3)
    assert grid.size == (16, 16) and "A" in grid.mode
    alpha = np.asarray(grid.getchannel("A"))
    assert (alpha[8:, 8:] == 0).all() and alpha.sum() == 255 * 3 * 64
    assert preview_grid([Image.new(mode, (8, 8), "white")] * 4).mode == mode
    sheet = sheet_of([Image.new(mode, (8, 8), "white")] * 5, 3)
    assert np.asarray(sheet.getchannel("A"))[8:, 16:].max() == 0 and sheet.size == (24, 16)


def test_an_example_sets_every_control_and_can_be_run(flow, ctx):
    shown = examples_of(ctx, Arrangement(GenerateRecipe, EXAMPLES))
    assert len(shown) == len(EXAMPLES)
    own = {name for name in flow.form.controls if not name.startswith("compare_")}
    for preset in shown.values():
        assert {"checkpoint", *own} >= {*preset} >= own
        run_id, updates = flow.on_run({"checkpoint": "tiny", **preset}, "en", ME, preset)
        assert run_id is not None
        for name in own.intersection(flow.form.settable):
            assert update_of(flow, updates, flow.form.controls[name])["value"] == preset[name]


def test_no_steps_and_no_sampler_are_what_suits_the_checkpoint(flow):
    record = run_through(flow, sampler="", num_steps=4)
    assert record.metadata[0]["sampler"] == "dpmpp_2m"
    job = flow.prepare(values(sampler="", num_steps=None))
    assert job.recipe.num_steps is None and job.recipe.sampler is None


def test_no_seed_is_a_new_one_each_time_and_it_can_be_kept(flow, ctx):
    seeds = {flow.prepare(values(seed=None)).recipe.seed for _ in range(8)}
    assert len(seeds) > 1
    record = run_through(flow, seed=None)
    assert last_seed(ctx.store, ME, "generate", None) == record.job.recipe.seed


def test_all_mistakes_are_marked_at_once(flow):
    _, updates = flow.on_run(values(num_images=0, num_steps=0), "en", ME)
    for field in ("num_images", "num_steps"):
        assert "invalid" in update_of(flow, updates, flow.form.controls[field])["elem_classes"]
