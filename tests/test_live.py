"""One picture at once: the one that `generate` gives; mixtures are still standard noise."""

import pytest
import torch

from ddpm_demo.core.oracles import GaussianConsistency
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.pipeline import DDPM
from ddpm_demo.samplers.live import mix_seeds, picture_of
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.tasks.generate import GenerateRecipe


def test_a_corner_is_the_picture_of_its_seed(tiny_checkpoint):
    ddpm = DDPM.from_pretrained(str(tiny_checkpoint))
    times = make_timesteps(ddpm.schedule, 2, "renoise")
    recipe = GenerateRecipe(
        checkpoint=str(tiny_checkpoint), num_images=1, seed=7, sampler="consistency", num_steps=2
    )
    *_, last = ddpm.generate(recipe)
    calls = []
    hook = ddpm.denoiser.unet.register_forward_hook(lambda *_: calls.append(1))
    found = picture_of(ddpm.denoiser, mix_seeds([5, 7], [0, 3], (3, 16, 16), 2), times)
    hook.remove()
    assert torch.allclose(found, last.x0_hat, atol=1e-6) and len(calls) == 2


def test_a_place_between_seeds_is_as_likely_as_a_seed():
    schedule = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
    noises = mix_seeds([0, 1, 2], [0.2, -0.5, 0.3], (1, 128, 128), 2)
    for noise in noises:
        assert noise.std() == pytest.approx(1, rel=0.02)
    assert abs((noises[0] * noises[1]).mean()) < 0.03  # fresh noise for each evaluation
    times = make_timesteps(schedule, 2, "renoise")
    found = picture_of(GaussianConsistency(schedule, 0.2, 0.25), noises, times)
    assert found.mean() == pytest.approx(0.2, abs=0.01)
    assert found.std() == pytest.approx(0.25, rel=0.03)


@pytest.mark.parametrize("weights", [[0, 0], [1], [float("inf"), 1], [float("nan"), 1]])
def test_weights_that_are_none_give_a_sentence(weights):
    with pytest.raises(UserError) as caught:
        mix_seeds([1, 2], weights, (1, 4, 4), 2)
    assert caught.value.key == "mix_weights"
