"""Sheets on the page as plain functions: asked for, made, cancelled, refused."""

import threading

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from ddpm_demo.compare.run import SheetRun
from ddpm_demo.errors import UserError
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.tasks.denoise import DenoiseRecipe
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.ui.app import build_app
from ddpm_demo.ui.comparing import sheet_job_of
from ddpm_demo.ui.exports import export
from ddpm_demo.ui.restoring import restored
from ddpm_demo.ui.runner import outcome_text
from ddpm_demo.ui.tabs.task.compare import ASKED, axes_of, first_axis, new_values, values_for
from ddpm_demo.ui.work_limit import VARIABLE

ME = "visitor"


@pytest.fixture(scope="module")
def app(tiny_checkpoint):
    return build_app("tiny", "en", {"tiny": str(tiny_checkpoint)})


@pytest.fixture
def ctx(app):
    yield app.ctx
    app.ctx.store.forget(ME)


@pytest.fixture
def flow(ctx):
    return ctx.flows["generate"]


def values(**changes):
    plain = {"checkpoint": "tiny", "num_images": 2, "seed": 7, "sampler": "ddim", "eta": 0.0}
    axes = {"compare_x": "num_steps", "compare_x_values": "1, 2, 3"}
    return {**plain, **axes, "compare_y": "", "compare_y_values": "", ASKED: "en", **changes}


def test_a_sheet_is_a_run_whose_steps_are_cells(flow, ctx, tmp_path):
    run_id, _ = flow.on_run(values(), "en", ME)
    scenes = [scene for scene, _ in flow.on_stream(run_id, "en", ME)]
    told = [scene for scene in scenes if isinstance(scene, dict) and "x0_hat" in scene]
    assert [scene["progress"]["step"] for scene in told][-1] == 3
    assert told[-1]["progress"]["words"]["en"] == "3 of 3 cells done"
    assert all("x_t" not in scene for scene in told)
    finished = flow.on_finish(run_id, "en", ME)
    record = ctx.store.result(ME, "generate")
    assert record.phase == "done" and len(record.images) == 1
    assert "3 cells · 6 U-Net evaluations · seed 7" in outcome_text("en", record)
    (scene,) = [one for one in finished if isinstance(one, dict) and one.get("phase") == "result"]
    assert scene["num_steps"] == 0 and len(scene["samples"]) == 1
    path = export(record, "png", tmp_path)
    assert path.name == "compared-num_steps.png"
    assert read_recipe(path)["axes"]["x"] == {"field": "num_steps", "values": [1, 2, 3]}
    assert Image.open(path).size == record.images[0].size
    # Dropped on the page it sets the settings that all cells share.
    recipe, *_ = restored(ctx.models, str(path), "en")
    assert isinstance(recipe, GenerateRecipe) and recipe.seed == 7 and recipe.num_images == 2
    # And the axes, in sight.
    axes = axes_of(GenerateRecipe, read_recipe(path))
    assert axes == {
        "compare_x": "num_steps",
        "compare_x_values": "1, 2, 3",
        "compare_y": "",
        "compare_y_values": "",
    }
    form = flow.form
    updates = dict(
        zip(form.error_outputs, form.error_updates(None, "en", axes, axes), strict=True)
    )
    assert updates[form.controls["compare_x_values"]]["value"] == "1, 2, 3"
    opened = [
        block.label
        for block, update in updates.items()
        if isinstance(block, gr.Accordion) and isinstance(update, dict) and update.get("open")
    ]
    assert opened == ["Compare settings"]
    assert axes_of(GenerateRecipe, recipe.to_dict()) == {}


def test_cancelled_it_keeps_the_finished_cells(flow, ctx, monkeypatch):
    goes_on, original = threading.Event(), SheetRun._make

    def waiting(self, place, recipe):
        if place == (0, 2):
            flow.on_cancel("en", ME)
            goes_on.wait(60)
        return original(self, place, recipe)

    monkeypatch.setattr(SheetRun, "_make", waiting)
    run_id, _ = flow.on_run(values(), "en", ME)
    list(flow.on_stream(run_id, "en", ME))
    goes_on.set()
    flow.on_finish(run_id, "en", ME)
    record = ctx.store.result(ME, "generate")
    assert record.phase == "cancelled" and record.last.index == 2
    assert "Stopped after 2 of 3 cells" in outcome_text("en", record)
    assert len(record.images) == 1


def test_a_seed_is_chosen_once_for_all_cells(ctx):
    job = sheet_job_of(ctx.models, GenerateRecipe, values(seed=None), "en")
    assert len({recipe.seed for recipe in job.sheet.recipes.values()}) == 1


@pytest.mark.parametrize(
    ("changes", "field", "key"),
    [
        ({"compare_x_values": "0, 5"}, "compare_x_values", "range"),
        ({"compare_x_values": " , "}, "compare_x_values", "compare_values_missing"),
        ({"compare_x": None}, "compare_x_values", "recipe_unknown_field"),
        (
            {"compare_y": "sampler", "compare_y_values": "ddim, best"},
            "compare_y_values",
            "choice",
        ),
        (
            {"compare_y": "num_steps", "compare_y_values": "2"},
            "compare_y_values",
            "compare_same_field",
        ),
        (
            {"compare_x": "checkpoint", "compare_x_values": "tiny, /etc/passwd"},
            "compare_x_values",
            "checkpoint_unknown",
        ),
        ({"num_images": 1000}, "num_images", "range"),
        ({"checkpoint": ""}, "checkpoint", "checkpoint_missing"),
    ],
)
def test_mistakes_stand_beside_the_control_they_are_about(flow, changes, field, key):
    with pytest.raises(UserError) as error:
        flow.prepare(values(**changes))
    assert (error.value.field, error.value.key) == (field, key)
    run_id, _ = flow.on_run(values(**changes), "en", ME)
    assert run_id is None


def test_too_large_a_sheet_is_refused_before_it_starts(flow, monkeypatch):
    monkeypatch.setenv(VARIABLE, "0.003")  # a sheet's 2 x 16 x 16 x (1 + 2 + 3) are 0.00307
    with pytest.raises(UserError) as error:
        flow.prepare(values())
    assert error.value.key == "too_much_work"
    monkeypatch.setenv(VARIABLE, "0.0031")
    flow.prepare(values())


def test_what_turns_out_too_much_ends_the_sheet_and_keeps_it(flow, ctx, monkeypatch):
    job = sheet_job_of(ctx.models, GenerateRecipe, values(), "en")
    monkeypatch.setenv(VARIABLE, "0.002")  # the first two cells
    shots = list(job.snapshots(ctx.models))
    assert [shot.index for shot in shots] == [1, 2, 3]
    assert [error.key for error in shots[-1].warnings] == ["too_much_work"]


def test_a_sheet_of_an_upload_on_a_restoring_tab(ctx, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    told = {"checkpoint": "tiny", "image": str(tmp_path / "photo.jpg"), "num_steps": 1}
    told |= {"compare_x": "sigma_255", "compare_x_values": "10，20", "add_noise_255": 20}
    job = sheet_job_of(ctx.models, DenoiseRecipe, told, "zh-CN")
    last = list(job.snapshots(ctx.models))[-1]
    assert last.index == 2 and job.source is None
    assert last.metadata[0]["axes"]["x"]["values"] == [10, 20]


def test_the_boxes_have_values_to_start_with_and_keep_what_is_typed(ctx):
    assert first_axis(GenerateRecipe) == "num_steps"
    assert first_axis(DenoiseRecipe) == "perception"
    assert values_for(ctx, GenerateRecipe, "num_steps") == "5, 10, 20, 50"
    assert "tiny" in values_for(ctx, GenerateRecipe, "checkpoint")
    assert new_values(ctx, GenerateRecipe, "eta", "5, 10, 20, 50") == "0, 0.5, 1"
    assert new_values(ctx, GenerateRecipe, "eta", "") == "0, 0.5, 1"
    assert new_values(ctx, GenerateRecipe, "", "0, 0.5, 1") == ""
    kept = new_values(ctx, GenerateRecipe, "eta", "0.1, 0.2")
    assert isinstance(kept, dict) and "value" not in kept
