"""Timesteps learned for a checkpoint: found, kept in the card, used when they are asked for."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from ddpm_demo.checkpoints.library import find
from ddpm_demo.checkpoints.model_card import keep_learned_steps, read_model_card, write_model_card
from ddpm_demo.cli import main
from ddpm_demo.core.oracles import MixtureDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.pipeline import DDPM
from ddpm_demo.samplers.table import MAX_FEW_STEPS, check_few_step
from ddpm_demo.samplers.timesteps import make_timesteps, timesteps_for
from ddpm_demo.samplers.tune import tune_steps
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.tasks.registry import recipe_from_dict
from ddpm_demo.version import __version__


@pytest.fixture(scope="module")
def cosine():
    return Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})


@pytest.fixture
def folder(tiny_checkpoint, tmp_path):
    copy = shutil.copytree(tiny_checkpoint, tmp_path / "tiny")
    write_model_card(copy, {"title": "Tiny", "default_num_steps": 5}, "# Tiny\n\nThe body.")
    return copy


def test_tuned_steps_are_nearer_to_the_truth_than_the_samplers_own(cosine):
    """Of an exact denoiser, with noise that was not tuned on, and the same every time."""
    means = torch.tensor([[-0.7] * 16, [0.1] * 16, [0.8] * 16])
    denoiser = MixtureDenoiser(cosine, means, 0.05)
    told = []
    tuned = tune_steps(
        denoiser, "dpmpp_2m", 6, (1, 4, 4), num_images=64, on_try=lambda *t: told.append(t)
    )
    assert tuned.is_better and tuned.distance < 0.8 * tuned.own_distance
    assert len(tuned.timesteps) == 6
    assert list(tuned.timesteps) == sorted(set(tuned.timesteps), reverse=True)
    assert all(0 <= t <= 999 for t in tuned.timesteps)
    assert [number for number, _ in told] == list(range(1, tuned.num_tries + 1))
    best = [distance for _, distance in told]
    assert best == sorted(best, reverse=True)
    assert tune_steps(denoiser, "dpmpp_2m", 6, (1, 4, 4), num_images=64) == tuned


@pytest.mark.parametrize(
    ("sampler", "num_steps", "key"),
    [
        ("dpmpp_2m_sde", 8, "tune_steps_stochastic"),
        ("consistency", 2, "tune_steps_stochastic"),
        ("magic", 8, "sampler_unknown"),
        ("unipc", 1, "num_steps_range"),
        ("unipc", 31, "num_steps_range"),
    ],
)
def test_what_cannot_be_tuned_is_one_sentence(cosine, sampler, num_steps, key):
    denoiser = MixtureDenoiser(cosine, torch.zeros(1, 16), 0.1)
    with pytest.raises(UserError) as caught:
        tune_steps(denoiser, sampler, num_steps, (1, 4, 4))
    assert caught.value.key == key


def test_learned_steps_are_taken_only_where_they_were_learned(cosine):
    learned = {"unipc": {3: (990.5, 500.25, 20.0)}}
    assert timesteps_for(cosine, "unipc", 3, None, learned) == [990.5, 500.25, 20.0]
    own = make_timesteps(cosine, 3)
    assert timesteps_for(cosine, "unipc", 3, "trailing", learned) == own
    assert timesteps_for(cosine, "deis", 3, None, learned) == own
    assert timesteps_for(cosine, "unipc", 4, None, learned) == make_timesteps(cosine, 4)
    assert timesteps_for(cosine, "unipc", 3) == own
    beyond = {"unipc": {2: (1200.0, 10.0)}}  # of a schedule with more timesteps
    assert timesteps_for(cosine, "unipc", 2, None, beyond) == make_timesteps(cosine, 2)


def test_a_card_keeps_them_and_all_else(folder):
    keep_learned_steps(folder, "unipc", [900.123, 400, 20])
    keep_learned_steps(folder, "unipc", [950.0, 10])
    keep_learned_steps(folder, "unipc", [990, 300, 5.5])
    keep_learned_steps(folder, "ddim", [700.0])
    card = read_model_card(folder)
    assert card.learned_steps == {
        "unipc": {2: (950.0, 10.0), 3: (990.0, 300.0, 5.5)},
        "ddim": {1: (700.0,)},
    }
    text = (folder / "README.md").read_text()
    assert (card.title, card.default_num_steps) == ("Tiny", 5)
    assert text.endswith("# Tiny\n\nThe body.\n") and "3: [990.0, 300.0, 5.5]" in text
    assert json.loads(json.dumps(find(str(folder)).public()))["learned_steps"]["ddim"]


@pytest.mark.parametrize(
    "value",
    [
        "five",
        {"unipc": [1, 2]},
        {"unipc": {2: [10, 900]}},
        {"unipc": {2: [900]}},
        {"unipc": {"2": [900, 10]}},
        {"unipc": {2: [900, "x"]}},
        {"unipc": {2: [900, -1]}},
        {"unipc": {2: [float("nan"), 1]}},
        {"uni pc": {2: [900, 10]}},
        {"unipc": {0: []}},
        {3: {2: {}}},
    ],
)
def test_what_makes_no_sense_in_a_card_is_left_out(folder, value):
    write_model_card(folder, {"title": "Tiny", "learned_steps": value}, "# Tiny")
    card = read_model_card(folder)
    assert card.learned_steps == {} and card.title == "Tiny"


def test_the_command_tunes_keeps_and_the_next_run_uses_it(folder, capsys):
    options = ["--checkpoint", str(folder), "--num-steps", "3", "--num-images", "2", "--json"]
    assert main(["tune-steps", *options, "--dry-run"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert not report["kept"] and not find(str(folder)).learned_steps
    assert main(["tune-steps", *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kept"] == (report["distance"] < report["own_distance"])
    keep_learned_steps(folder, "dpmpp_2m", report["timesteps"])  # whichever was nearer here
    ddpm = DDPM.from_pretrained(str(folder))
    recipe = GenerateRecipe(checkpoint=str(folder), num_images=1, num_steps=3)
    times = [step.t for step in ddpm.generate(recipe)]
    assert times[:-1] == pytest.approx(report["timesteps"])
    own = [step.t for step in ddpm.generate(recipe.replace(spacing="trailing"))]
    assert own[:-1] == make_timesteps(ddpm.schedule, 3)


def test_a_picture_from_before_a_checkpoint_had_timesteps_of_its_own_comes_out_the_same(folder):
    ddpm = DDPM.from_pretrained(str(folder))
    recipe = GenerateRecipe(checkpoint=str(folder), num_images=1, num_steps=3, sampler="dpmpp_2m")
    run = ddpm.generate(recipe)
    (before,) = run.images()
    saved = {**run.metadata(), "checkpoint": str(folder), "version": "0.1.0"}
    keep_learned_steps(folder, "dpmpp_2m", [900.0, 500.0, 3.0])
    tuned = DDPM.from_pretrained(str(folder))
    (again,) = tuned.run(recipe_from_dict(saved)).images()
    (now,) = tuned.run(recipe).images()
    assert again.tobytes() == before.tobytes() != now.tobytes()
    # A newer one leaves it to the checkpoint, and so does a recipe that was written by hand.
    for version in ({"version": __version__}, {}):
        hand = {name: value for name, value in saved.items() if name != "version"} | version
        assert recipe_from_dict(hand).spacing is None
    for strange in ({"sampler": ["dpmpp_2m"]}, {"sampler": "no such"}, {"spacing": 3}):
        with pytest.raises(UserError):
            recipe_from_dict({**saved, **strange})
    few = recipe_from_dict({**saved, "sampler": "consistency"})
    assert few.spacing is None and recipe_from_dict({**saved, "spacing": "karras"}).spacing == (
        "karras"
    )


@pytest.mark.parametrize("number", ["1", "257", "1000000"])
def test_pictures_that_take_too_much_memory_or_say_nothing_are_refused(folder, capsys, number):
    options = ["--checkpoint", str(folder), "--num-steps", "3", "--num-images", number]
    assert main(["tune-steps", *options]) == 2
    said = capsys.readouterr().err
    assert "between 2 and 256" in said and number in said


def test_the_report_of_the_command_is_in_the_language_of_the_shell(folder, capsys, monkeypatch):
    options = ["--checkpoint", str(folder), "--num-steps", "2", "--num-images", "2", "--dry-run"]
    assert main(["tune-steps", *options]) == 0
    assert "not kept" in capsys.readouterr().out
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", "zh")
    assert main(["tune-steps", *options]) == 0
    assert "未写入" in capsys.readouterr().out


def test_a_few_step_checkpoint_says_what_it_is_for(folder):
    front = {"title": "Tiny", "default_sampler": "consistency", "default_num_steps": 2}
    write_model_card(folder, front, "# Tiny")
    ddpm = DDPM.from_pretrained(str(folder))
    recipe = GenerateRecipe(checkpoint=str(folder), num_images=1)
    *_, last = ddpm.generate(recipe)
    assert last.num_evaluations == 2
    for wrong in ({"num_steps": 1000}, {"sampler": "ddpm"}, {"num_steps": MAX_FEW_STEPS + 1}):
        with pytest.raises(UserError) as caught:
            ddpm.generate(recipe.replace(**wrong))
        assert caught.value.key == "few_step_checkpoint"
        assert f"1-{MAX_FEW_STEPS} steps" in str(caught.value)
        assert "consistency" in str(caught.value)
    ordinary = replace(ddpm.info, default_sampler="ddim")
    check_few_step(ordinary, "consistency", 50)  # may be asked for anything
