"""Noising to t, coming back, and branching on the way."""

import pytest
import torch
from diffusers import UNet2DModel

from ddpm_demo.core.denoiser import UNetDenoiser
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.process.there_and_back import branch, diffuse
from ddpm_demo.samplers.sample import sample
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.tasks.diffuse import DiffuseRecipe
from ddpm_demo.tasks.registry import recipe_from_dict

SHAPE = (3, 8, 8)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
    ).eval()
    schedule = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
    return UNetDenoiser(unet, schedule, "v_prediction")


def picture(seed=0):
    return torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def complete(**changes):
    return DiffuseRecipe(checkpoint="c", **{"num_steps": 6, **changes}).complete(1000)


def run(denoiser, image=None, **changes):
    return list(diffuse(denoiser, complete(**changes), image, SHAPE))


def test_the_run_starts_from_a_draw_of_q(network):
    steps = run(network, picture(), t=250, seed=4, num_images=2)
    assert [s.index for s in steps] == list(range(7))
    assert steps[0].t == 249
    noise = NoiseSource.for_run(4, 2).randn(SHAPE)
    assert torch.allclose(steps[0].x_t, network.schedule.q_sample(picture(), 249, noise))
    assert steps[-1].t == -1 and steps[-1].x_t.shape == (2, *SHAPE)


def test_little_noise_gives_the_picture_back(network):
    oracle = GaussianDenoiser(network.schedule, 0.0, 0.5)
    near = run(oracle, picture(), t=5, num_steps=5)[-1].x_t
    far = run(oracle, picture(), t=900)[-1].x_t
    assert (near - picture()).abs().mean() < 0.05
    assert (far - picture()).abs().mean() > 0.2


def test_without_a_picture_it_starts_from_pure_noise(network):
    steps = run(network, seed=9)
    assert torch.equal(steps[0].x_t, NoiseSource([9]).randn(SHAPE))
    with pytest.raises(UserError) as caught:
        run(network, t=999)
    assert caught.value.key == "diffuse_no_image"


@pytest.mark.parametrize(
    ("sampler", "eta"), [("ddpm", 0.0), ("ddim", 1.0), ("euler_a", 0.0), ("dpmpp_2m_sde", 0.0)]
)
def test_siblings_share_the_trunk_and_differ_after_it(network, sampler, eta):
    options = {"sampler": sampler, "eta": eta, "seed": 2}
    trunk = run(network, **options)
    steps = run(network, **options, branch_at=3, branch_seed=50, num_images=3)
    assert [s.index for s in steps] == list(range(7))
    assert [len(s.x_t) for s in steps] == [1, 1, 1, 3, 3, 3, 3]
    assert [s.t for s in steps] == [s.t for s in trunk]
    assert [s.num_evaluations for s in steps] == [s.num_evaluations for s in trunk]
    for before, after in zip(trunk[:4], steps[:4], strict=True):
        assert torch.allclose(before.x_t.expand_as(after.x_t), after.x_t, atol=1e-5)
    last = steps[-1].x_t
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert (last[i] - last[j]).abs().max() > 0.1
    again = run(network, **options, branch_at=3, branch_seed=51, num_images=2)
    assert torch.allclose(again[-1].x_t, last[1:], atol=1e-4)


def test_a_stored_state_can_be_branched_without_its_trunk(network):
    recipe = complete(seed=2)
    steps = run(network, seed=2)
    timesteps = make_timesteps(network.schedule, 6, "trailing")
    siblings = list(branch(network, steps[3], timesteps, [50, 51]))
    whole = run(network, seed=2, branch_at=3, branch_seed=50, num_images=2)
    assert torch.allclose(siblings[-1].x_t, whole[-1].x_t, atol=1e-5)
    assert siblings[0].index == 3 and siblings[-1].index == recipe.num_steps
    batch = list(sample("ddpm", network, torch.cat([steps[0].x_t, picture()]), timesteps,
                        NoiseSource([1, 2])))  # fmt: skip
    second = next(branch(network, batch[2], timesteps, [7], picture=1))
    assert torch.equal(second.x_t, batch[2].x_t[1:])


def test_a_branch_at_the_first_step_starts_from_the_same_noise(network):
    steps = run(network, branch_at=0, num_images=2)
    assert torch.equal(steps[0].x_t[0], steps[0].x_t[1])
    assert (steps[-1].x_t[0] - steps[-1].x_t[1]).abs().max() > 0.1


def test_branches_of_an_exact_denoiser_have_the_conditional_distribution():
    schedule = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
    oracle = GaussianDenoiser(schedule, 0.2, 0.5)
    recipe = DiffuseRecipe(
        checkpoint="c", num_steps=400, branch_at=200, num_images=200, seed=3
    ).complete(1000)
    steps = list(diffuse(oracle, recipe, None, (1, 4, 4)))
    at, last = steps[200], steps[-1].x_t
    abar = schedule.abar(at.t)
    expected_std = (0.25 * (1 - abar) / (abar * 0.25 + 1 - abar)) ** 0.5
    mean = oracle.predict(at.x_t[:1], at.t).x0[0]
    assert (last.mean(0) - mean).abs().mean() < 3 * expected_std / 200**0.5
    assert last.std(0).mean() == pytest.approx(expected_std, rel=0.08)


@pytest.mark.parametrize(
    ("changes", "key", "field"),
    [
        ({"t": 0}, "range", "t"),
        ({"t": 1001}, "noising_steps_range", "t"),
        ({"num_images": 0}, "range", "num_images"),
        ({"num_steps": 0}, "range", "num_steps"),
        ({"size_px": 4}, "range", "size_px"),
        ({"branch_at": 6}, "branch_range", "branch_at"),
        ({"branch_at": -1}, "range", "branch_at"),
        ({"branch_at": 2, "sampler": "dpmpp_2m"}, "branch_deterministic", "sampler"),
        ({"branch_at": 2, "sampler": "ddim"}, "branch_deterministic", "sampler"),
        ({"branch_at": 2, "sampler": "nope"}, "choice", "sampler"),
    ],
)
def test_what_a_recipe_refuses(changes, key, field):
    with pytest.raises(UserError) as caught:
        complete(**changes)
    assert (caught.value.key, caught.value.field) == (key, field)


def test_what_a_run_refuses(network):
    for changes, image, key in (
        ({"t": 3, "num_steps": 4}, picture(), "num_steps_range"),
        ({}, torch.zeros(1, 1, 8, 8), "diffuse_shape"),
        ({"sampler": "ddpm", "eta": 0.5}, None, "eta_unused"),
    ):
        with pytest.raises(UserError) as caught:
            run(network, image, **changes)
        assert caught.value.key == key


def test_defaults_and_json():
    recipe = DiffuseRecipe(checkpoint="c", t=20).complete(1000)
    assert (recipe.sampler, recipe.num_steps) == ("ddpm", 20)
    assert DiffuseRecipe(checkpoint="c").complete(1000).t == 1000
    assert recipe_from_dict(recipe.to_dict()) == recipe
