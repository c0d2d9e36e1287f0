"""The pipeline on the bundled checkpoints: seeds, plain diffusers, defaults, recipes."""

import numpy as np
import pytest
import torch
from diffusers import DDPMPipeline

from ddpm_demo import DDPM
from ddpm_demo.checkpoints.library import find
from ddpm_demo.errors import UserError
from ddpm_demo.tasks.generate import GenerateRecipe
from ddpm_demo.tasks.registry import recipe_from_dict

BUNDLED = ("faces-64", "fashion-32", "photos")


@pytest.fixture(scope="module")
def ddpm():
    return DDPM.from_pretrained("fashion-32", "cpu")


def recipe(**changes):
    return GenerateRecipe(checkpoint="fashion-32", num_steps=4, **changes)


def as_arrays(images):
    return np.stack([np.asarray(image, dtype=np.int16) for image in images])


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "euler_a", "ddpm", "dpmpp_2m_sde"])
def test_the_same_seed_gives_the_same_picture_in_batches_of_1_4_and_16(ddpm, sampler):
    sixteen = as_arrays(ddpm.generate(recipe(num_images=16, seed=5, sampler=sampler)).images())
    four = as_arrays(ddpm.generate(recipe(num_images=4, seed=5, sampler=sampler)).images())
    one = as_arrays(ddpm.generate(recipe(num_images=1, seed=8, sampler=sampler)).images())
    assert np.abs(sixteen[:4] - four).max() <= 1
    assert np.abs(sixteen[3] - one[0]).max() <= 1
    assert np.abs(sixteen[0] - sixteen[1]).max() > 20


@pytest.mark.parametrize("name", BUNDLED)
def test_plain_diffusers_gives_the_same_picture_for_the_same_noise(name):
    ours = DDPM.from_pretrained(name, "cpu")
    wanted = GenerateRecipe(
        checkpoint=name, num_images=2, seed=1, sampler="ddpm", num_steps=6, spacing="leading"
    )
    pictures = as_arrays(ours.generate(wanted).images())
    pipeline = DDPMPipeline.from_pretrained(find(name).folder)
    pipeline.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    theirs = pipeline(batch_size=2, num_inference_steps=6, generator=generators).images
    # diffusers keeps its tables in float32 and truncates where ours rounds.
    assert np.abs(pictures - as_arrays(theirs)).max() <= 2


def test_defaults_come_from_the_checkpoint_and_the_sampler(ddpm):
    plain = ddpm.generate(GenerateRecipe(checkpoint="fashion-32"))
    assert plain.recipe.sampler == ddpm.info.default_sampler
    assert plain.recipe.num_steps == ddpm.info.default_num_steps
    assert plain.recipe.size_px == 32
    other = ddpm.generate(GenerateRecipe(checkpoint="fashion-32", sampler="ddpm"))
    assert other.recipe.num_steps == 250


def test_a_run_is_a_stream_and_can_be_left_at_any_step(ddpm):
    run = ddpm.generate(recipe(num_images=2))
    assert run.last is None
    for step in run:
        if step.index == 2:
            break
    assert run.last.index == 2
    assert run.last.x0_hat.shape == (2, 1, 32, 32)


def test_the_metadata_of_a_picture_makes_the_same_picture_again(ddpm):
    run = ddpm.generate(recipe(num_images=3, seed=11))
    before = as_arrays(run.images())
    metadata = run.metadata(2)
    assert metadata["weight_hash"] == ddpm.info.weight_hash
    assert metadata["image_index"] == 2
    again = as_arrays(ddpm.generate(recipe_from_dict(metadata)).images())
    assert np.array_equal(before, again)


def test_a_picture_does_not_tell_where_the_checkpoint_lies(tiny_checkpoint):
    local = DDPM.from_pretrained(str(tiny_checkpoint), "cpu")
    run = local.generate(GenerateRecipe(checkpoint=str(tiny_checkpoint), num_steps=1))
    assert run.metadata()["checkpoint"] == tiny_checkpoint.name
    assert str(tiny_checkpoint.parent) not in str(run.metadata())


@pytest.mark.parametrize(
    "changes",
    [{"num_steps": 1001}, {"sampler": "magic"}, {"sampler": "ddpm", "eta": 0.5}, {"spacing": "x"}],
)
def test_what_cannot_be_done_is_refused_before_the_first_step(ddpm, changes):
    with pytest.raises(UserError) as caught:
        ddpm.generate(recipe().replace(**changes))
    assert str(caught.value).endswith(".")
    assert len(ddpm.generate(recipe(num_images=1)).images()) == 1
