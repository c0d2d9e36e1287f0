"""The recipe's precision at the doors, and what checkpoints for few evaluations refuse."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ddpm_demo.cli import main
from ddpm_demo.core import precision
from ddpm_demo.errors import UserError
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.pipeline import DDPM
from ddpm_demo.recipes.field import fields_of
from ddpm_demo.tasks.diffuse import DiffuseRecipe
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.tasks.interpolate import InterpolateRecipe
from ddpm_demo.tasks.registry import recipe_from_dict, tasks
from ddpm_demo.texts.naming import sentence_of
from ddpm_demo.ui.models import Models
from ddpm_demo.ui.request import job_of
from ddpm_demo.ui.stream import snapshots

FAST = "fashion-32-fast"


@pytest.fixture
def slow_processor(monkeypatch):
    """One without products in bfloat16, whatever this one is."""
    monkeypatch.delenv(precision.VARIABLE)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)


@pytest.fixture
def fast_processor(monkeypatch):
    monkeypatch.delenv(precision.VARIABLE)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def generated(checkpoint, **changes):
    recipe = GenerateRecipe(checkpoint=str(checkpoint), num_images=1, num_steps=2, **changes)
    run = DDPM.from_pretrained(str(checkpoint)).generate(recipe)
    return run, np.asarray(run.images()[0], dtype=int)


@pytest.mark.parametrize("task", tasks().values(), ids=lambda task: task.task)
def test_every_task_has_the_choices_that_the_core_has(task):
    told = fields_of(task)["precision"]
    assert told.choices == precision.PRECISIONS and told.default == "auto" and told.advanced


def test_the_recipe_says_which_precision_was_used(tiny_checkpoint, fast_processor):
    run, half = generated(tiny_checkpoint)
    assert run.metadata()["precision"] == run.recipe.precision == "bfloat16"
    assert not run.warnings
    asked, exact = generated(tiny_checkpoint, precision="float32")
    assert asked.metadata()["precision"] == "float32"
    assert 0 < np.abs(half - exact).max() <= 8
    again, repeated = generated(tiny_checkpoint, precision="bfloat16")
    assert np.array_equal(repeated, half) and not again.warnings


def test_what_is_written_repeats_the_picture_on_another_processor(
    tiny_checkpoint, fast_processor, monkeypatch
):
    run, half = generated(tiny_checkpoint)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    auto, exact = generated(tiny_checkpoint)
    assert auto.recipe.precision == "float32" and not np.array_equal(exact, half)
    again = DDPM.from_pretrained(str(tiny_checkpoint)).run(recipe_from_dict(run.metadata()))
    assert np.array_equal(np.asarray(again.images()[0], dtype=int), half)


def test_the_environment_stands_for_auto(tiny_checkpoint, slow_processor, monkeypatch):
    monkeypatch.setattr(precision, "_warned", set())
    monkeypatch.setenv(precision.VARIABLE, "bfloat16")
    run, _ = generated(tiny_checkpoint)
    assert run.recipe.precision == "bfloat16" and not run.warnings  # the log has said it
    assert generated(tiny_checkpoint, precision="float32")[0].recipe.precision == "float32"


def test_the_way_through_the_noise_is_in_float32_and_says_so(tiny_checkpoint, slow_processor):
    ddpm = DDPM.from_pretrained(str(tiny_checkpoint))
    shared = {"checkpoint": str(tiny_checkpoint), "num_between": 1, "num_steps": 2}
    asked = ddpm.run(InterpolateRecipe(**shared, precision="bfloat16"))
    plain = ddpm.run(InterpolateRecipe(**shared))
    assert asked.recipe.precision == "float32" and not asked.warnings
    assert [x.tobytes() for x in asked.images()] == [x.tobytes() for x in plain.images()]
    mixed = ddpm.run(InterpolateRecipe(**shared, method="ddpm", t=3, precision="bfloat16"))
    assert mixed.recipe.precision == "bfloat16" and mixed.warnings


def test_bfloat16_on_a_processor_without_it_works_and_says_that_it_is_slow(
    tiny_checkpoint, slow_processor, picture, tmp_path, capsys, monkeypatch
):
    argv = ["denoise", str(picture), "--checkpoint", str(tiny_checkpoint), "--sigma-255", "20"]
    argv += ["--precision", "bfloat16", "--json", "--out", str(tmp_path / "out")]
    assert main(argv) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["recipe"]["precision"] == "bfloat16"
    assert read_recipe(report["files"][0])["precision"] == "bfloat16"
    assert said.err.count("slower than float32") == 1
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", "zh-CN")
    assert main([*argv[:-1], str(tmp_path / "zh")]) == 0
    assert "比 float32 慢" in capsys.readouterr().err


def test_the_page_says_so_too(tiny_checkpoint, slow_processor):
    models = Models(owner_folders={"tiny": str(tiny_checkpoint)})
    values = {"checkpoint": "tiny", "num_images": 1, "num_steps": 2, "precision": "bfloat16"}
    *_, last = snapshots(models, job_of(models, GenerateRecipe, values))
    (warning,) = last.warnings
    assert warning.key == "precision_slow"
    assert "bfloat16" in sentence_of(warning, "zh-CN")


@pytest.mark.parametrize("name", ["denoise", "upscale", "deblur", "inpaint", "interpolate"])
def test_a_checkpoint_for_few_evaluations_says_what_it_is_for(name, picture):
    task = tasks()[name]
    ddpm = DDPM.from_pretrained(FAST)
    image = Image.open(picture)
    given = {"image": image, "mask": image.convert("L")}
    inputs = {told.name: given[told.name] for told in task.inputs if told.name in given}
    with pytest.raises(UserError) as caught:
        ddpm.run(task(checkpoint=FAST), **inputs)
    assert (caught.value.key, caught.value.field) == ("few_step_task", "checkpoint")
    assert name in sentence_of(caught.value, "zh-CN") and "1-8 steps" in str(caught.value)


def test_it_is_diffused_with_its_own_sampler_in_few_steps(picture):
    ddpm = DDPM.from_pretrained(FAST)
    run = ddpm.diffuse(DiffuseRecipe(checkpoint=FAST, t=600), Image.open(picture))
    assert (run.recipe.sampler, run.recipe.num_steps) == ("consistency", 4)
    assert run.images()[0].size == (32, 32)
    for wrong in ({"sampler": "ddpm"}, {"num_steps": 1000}):
        with pytest.raises(UserError) as caught:
            ddpm.diffuse(DiffuseRecipe(checkpoint=FAST, **wrong), None)
        assert caught.value.key == "few_step_checkpoint"
