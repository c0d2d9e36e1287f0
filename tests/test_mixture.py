"""Places between seeds: still standard noise, and the same picture at every door."""

import math

import pytest
import torch

from ddpm_demo.cli import main
from ddpm_demo.core.mixture import parse_part, part_words, unit, varied
from ddpm_demo.core.noise import MixedNoise, NoiseSource
from ddpm_demo.core.oracles import GaussianConsistency
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.pictures.png_recipe import read_recipe
from ddpm_demo.pipeline import DDPM
from ddpm_demo.samplers.consistency import consistency
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.tasks.registry import recipe_from_dict
from ddpm_demo.ui.live.draw import SheetRun

FEW = {"sampler": "consistency", "num_steps": 2}


@pytest.fixture(scope="module")
def ddpm(tiny_checkpoint):
    return DDPM.from_pretrained(str(tiny_checkpoint))


def recipe_of(ddpm, **values):
    return GenerateRecipe(checkpoint=str(ddpm.info.folder), **{"num_images": 1, **FEW, **values})


def last_of(run):
    *_, last = run
    return last.x0_hat


def test_a_corner_is_the_picture_of_its_seed(ddpm):
    alone = last_of(ddpm.generate(recipe_of(ddpm, seed=7)))
    for mix in (["7"], ["7:3"], ["5:0", "7:0.4"], ["7:0.1", "7:0.2"]):
        assert torch.equal(last_of(ddpm.generate(recipe_of(ddpm, mix=mix))), alone)
    full = recipe_of(ddpm, mix=["5:1"], variation=1.0, seed=7)
    assert torch.equal(last_of(ddpm.generate(full)), alone)


def test_a_place_between_seeds_is_as_likely_as_a_seed():
    parts = unit([(0, 0.2), (1, -0.5), (2, 0.3)])
    noise = MixedNoise([parts])
    first, second = noise.randn((1, 128, 128)), noise.randn((1, 128, 128))
    for drawn in (first, second):
        assert drawn.std() == pytest.approx(1, rel=0.02)
    assert abs((first * second).mean()) < 0.03  # fresh noise for each evaluation
    sources = [NoiseSource([seed]).randn((1, 128, 128)) for seed in (0, 1, 2)]
    length = math.sqrt(0.04 + 0.25 + 0.09)
    mean = (0.2 * sources[0] - 0.5 * sources[1] + 0.3 * sources[2]) / length
    assert torch.allclose(first, mean, atol=1e-6)
    schedule = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
    times = make_timesteps(schedule, 2, "renoise")
    *_, last = consistency(GaussianConsistency(schedule, 0.2, 0.25), first, times, noise)
    assert last.x0_hat.mean() == pytest.approx(0.2, abs=0.01)
    assert last.x0_hat.std() == pytest.approx(0.25, rel=0.03)


def test_variation_leaves_as_much_of_the_mixture_as_it_says():
    parts = dict(varied(["3:1", "4:1"], 0.6, 9))
    assert parts == pytest.approx({3: 0.8 / math.sqrt(2), 4: 0.8 / math.sqrt(2), 9: 0.6})
    assert sum(share**2 for share in parts.values()) == pytest.approx(1)
    both = dict(varied(["3:1"], 0.6, 3))  # its own seed once more
    assert both == {3: 1.0}


def test_words_of_a_part_are_read_back():
    for seed, share in ((0, 1.0), (4294967295, -0.25), (12, 1e-6), (7, 0.333333)):
        assert parse_part(part_words(seed, share)) == (seed, pytest.approx(share, rel=1e-5))


def test_pictures_of_a_variation_are_made_again_one_by_one(ddpm):
    recipe = recipe_of(ddpm, mix=["5:1", "8:-0.5"], variation=0.5, seed=20, num_images=3)
    run = ddpm.generate(recipe)
    together = last_of(run)
    for index in range(3):
        one = recipe_from_dict(run.metadata(index)).of_picture(index)
        assert (one.seed, one.num_images) == (20 + index, 1)
        again = last_of(ddpm.generate(one))
        assert torch.allclose(again[0], together[index], atol=1e-5)


def test_a_sheet_of_several_recipes_is_their_pictures(ddpm):
    recipes = [
        recipe_of(ddpm, seed=3),
        recipe_of(ddpm, mix=["1:0.6", "2:0.8"]),
        recipe_of(ddpm, mix=["1:0.6", "2:0.8"], variation=0.3, seed=11),
    ]
    run = SheetRun(ddpm, recipes)
    together = last_of(run)
    for index, recipe in enumerate(recipes):
        alone = ddpm.generate(recipe)
        assert torch.allclose(last_of(alone)[0], together[index], atol=1e-5)
        assert run.metadata(index) == alone.metadata(0)


@pytest.mark.parametrize(
    ("values", "key", "field"),
    [
        ({"mix": ["1:0", "2:0"]}, "mix_weights", "mix"),
        ({"mix": ["1:1", "1:-1"]}, "mix_weights", "mix"),
        ({"mix": ["1:inf"]}, "mix_part", "mix"),
        ({"mix": ["1:nan"]}, "mix_part", "mix"),
        ({"mix": ["seven"]}, "mix_part", "mix"),
        ({"mix": ["-1:1"]}, "mix_part", "mix"),
        ({"mix": ["1:"]}, "mix_part", "mix"),
        ({"mix": ["9999999999:1"]}, "range", "mix"),
        ({"mix": [str(seed) for seed in range(33)]}, "mix_parts", "mix"),
        ({"mix": ["1:1.5e308", "2:1.5e308"]}, "mix_weights", "mix"),
        ({"variation": 0.2}, "variation_without_mix", "variation"),
        ({"mix": ["1", "2"], "num_images": 4}, "mix_of_many", "num_images"),
    ],
)
def test_what_is_no_mixture_gives_a_sentence(values, key, field):
    with pytest.raises(UserError) as caught:
        GenerateRecipe(checkpoint="faces-64", **{"num_images": 1, **values})
    assert (caught.value.key, caught.value.field) == (key, field)


def test_the_command_makes_the_picture_of_a_file_again(ddpm, tmp_path):
    folder = str(ddpm.info.folder)
    told = ["--checkpoint", folder, "--num-steps", "2", "--sampler", "ddim", "--num-images", "1"]
    mix = ["--mix", "4:0.75", "9:-0.5", "--variation", "0.25", "--seed", "6"]
    assert main(["generate", *told, *mix, "--out", str(tmp_path / "one")]) == 0
    (first,) = (tmp_path / "one").glob("*.png")
    assert first.name == "mix-4-9-seed-6.png"
    saved = read_recipe(first)
    assert saved["mix"] == ["4:0.75", "9:-0.5"] and saved["variation"] == 0.25
    told = ["--recipe", str(first), "--checkpoint", folder]
    assert main(["generate", *told, "--out", str(tmp_path / "two")]) == 0
    (again,) = (tmp_path / "two").glob("*.png")
    assert again.read_bytes() == first.read_bytes()
