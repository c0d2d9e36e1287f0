"""Autoguidance: exact where the answer is known, and a weaker version that lies in the folder."""

import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import DDPMPipeline

from ddpm_demo import DDPM
from ddpm_demo.checkpoints.library import find
from ddpm_demo.checkpoints.safety import GUIDE_FOLDER
from ddpm_demo.core.autoguidance import AutoguidedDenoiser
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.progress import Progress
from ddpm_demo.errors import UserError
from ddpm_demo.samplers.sample import sample
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.tasks.generate import GenerateRecipe

TRUE_STD = 0.2


class Gaussian(GaussianDenoiser):
    """With what a network has beside its estimate."""

    channels, clip_range = 1, None


def spread(denoiser):
    """Standard deviation of 2,048 samples of one pixel, 300 steps of DDIM."""
    noise = NoiseSource.for_run(0, 2048)
    times = make_timesteps(denoiser.schedule, 300)
    *_, last = sample("ddim", denoiser, noise.randn((1, 1, 1)), times, noise)
    return float(last.x0_hat.std())


def test_two_that_err_alike_give_the_truth_where_each_alone_does_not(schedule):
    """A network that has learned too little spreads its samples too far; a weaker one further."""
    strong, weak = Gaussian(schedule, 0.0, 0.26), Gaussian(schedule, 0.0, 0.4)
    alone, guided = spread(strong), spread(AutoguidedDenoiser(strong, weak, 1.4))
    assert alone == pytest.approx(0.26, rel=0.05)
    assert abs(guided - TRUE_STD) < 0.3 * abs(alone - TRUE_STD)
    assert spread(AutoguidedDenoiser(strong, weak, 2.0)) < guided


def test_strength_1_is_the_strong_one_to_the_last_bit(schedule):
    strong, weak = Gaussian(schedule, 0.1, 0.3), Gaussian(schedule, -0.2, 0.5)
    x_t = torch.randn(3, 1, 4, 4)
    found = AutoguidedDenoiser(strong, weak, 1.0).predict(x_t, 300)
    assert torch.equal(found.x0, strong.predict(x_t, 300).x0)
    wanted = 3 * strong.predict(x_t, 300).x0 - 2 * weak.predict(x_t, 300).x0
    found = AutoguidedDenoiser(strong, weak, 3.0).predict(x_t, 300)
    assert torch.allclose(found.x0, wanted, atol=1e-6)
    a, b = schedule.abar(300) ** 0.5, (1 - schedule.abar(300)) ** 0.5
    assert torch.allclose(a * found.x0 + b * found.eps, x_t, atol=1e-5)


def test_little_noise_is_not_guided(schedule):
    strong, weak = Gaussian(schedule, 0.1, 0.3), Gaussian(schedule, -0.2, 0.5)
    guided = AutoguidedDenoiser(strong, weak, 2.0, min_sigma=1.0)
    x_t = torch.randn(2, 1, 3, 3)
    for sigma, alike in ((0.99, True), (1.01, False)):
        t = schedule.t_from_sigma(sigma)
        found = guided.predict(x_t, t).x0, strong.predict(x_t, t).x0
        assert torch.equal(*found) == alike


@pytest.mark.parametrize(
    ("said", "read"),
    [("1.5", 1.5), ("2", 2.0), ("-1", 0.0), (".inf", 0.0), ("true", 0.0), ("x", 0.0)],
)
def test_the_card_says_from_which_noise_level_on(guided, said, read):
    (guided / "README.md").write_text(f"---\ntitle: Tiny\nguidance_min_sigma: {said}\n---\n")
    assert find(str(guided)).guidance_min_sigma == read
    (guided / "README.md").write_text("---\nguidance_min_sigma: 1000000\n---\n")
    assert np.array_equal(pictures(guided), pictures(guided, guidance=2.0))


def test_the_sum_is_clipped_not_its_parts(schedule):
    strong, weak = Gaussian(schedule, 1.4, 0.01), Gaussian(schedule, 1.6, 0.01)
    strong.clip_range = 1.0
    found = AutoguidedDenoiser(strong, weak, 4.0).predict(torch.zeros(1, 1, 2, 2), 500)
    assert torch.allclose(found.x0, torch.full((1, 1, 2, 2), 0.8), atol=0.02)  # 1.6 - 4 x .2
    far = AutoguidedDenoiser(strong, weak, 1.5).predict(torch.zeros(1, 1, 2, 2), 500)
    assert torch.equal(far.x0, torch.ones(1, 1, 2, 2))


@pytest.fixture
def guided(tiny_checkpoint, tmp_path):
    """The tiny checkpoint with another of its kind as its weaker version."""
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_checkpoint, folder)
    pipeline = DDPMPipeline.from_pretrained(tiny_checkpoint)
    torch.manual_seed(1)
    for weight in pipeline.unet.parameters():
        weight.data += 0.05 * torch.randn_like(weight)
    pipeline.save_pretrained(folder / GUIDE_FOLDER)
    return folder


def pictures(folder, num_images=1, **changes):
    recipe = GenerateRecipe(
        checkpoint=str(folder), num_images=num_images, num_steps=4, sampler="ddim", **changes
    )
    images = DDPM.from_pretrained(str(folder), "cpu").generate(recipe).images()
    return np.stack([np.asarray(image, dtype=np.int16) for image in images])


def test_a_guide_steers_and_a_seed_gives_the_same_picture_in_any_batch(guided, tiny_checkpoint):
    plain = pictures(guided, 3)
    assert np.array_equal(plain, pictures(tiny_checkpoint, 3))
    assert np.array_equal(plain, pictures(guided, 3, guidance=1.0))
    steered = pictures(guided, 3, guidance=2.0)
    assert np.abs(steered - plain).max() > 3
    assert np.abs(steered[2:] - pictures(guided, seed=2, guidance=2.0)).max() <= 1


def test_what_steers_is_the_guide_in_the_folder(guided):
    recipe = GenerateRecipe(checkpoint=str(guided), num_images=1, num_steps=1, sampler="ddim")
    strong, weak = (DDPM.from_pretrained(str(f), "cpu") for f in (guided, guided / GUIDE_FOLDER))
    run = strong.generate(recipe.replace(guidance=3.0))
    steps = list(run)
    noise, t = NoiseSource.for_run(0, 1).randn((3, 16, 16)), steps[0].t
    by_hand = AutoguidedDenoiser(strong.denoiser, weak.denoiser, 3.0).predict(noise, t).x0
    assert torch.allclose(steps[-1].x0_hat, by_hand, atol=1e-5)
    assert run.recipe.guidance == 3.0 and run.progress.snapshot().evaluations == 1


def test_half_an_evaluation_can_be_seen_and_stopped(guided):
    ddpm = DDPM.from_pretrained(str(guided), "cpu")
    denoiser, progress = AutoguidedDenoiser(ddpm.denoiser, ddpm.guide(), 2.0), Progress()
    seen = []
    forward = ddpm.denoiser.unet.forward
    denoiser.weak.unet.forward = lambda *args, **kwargs: (
        seen.append(progress.snapshot()),
        forward(*args, **kwargs),
    )[1]
    with progress.active():
        denoiser.predict(torch.zeros(3, 3, 16, 16), 500)
    del denoiser.weak.unet.forward
    assert [(moment.tiles, moment.num_tiles) for moment in seen] == [(3, 6)]


def test_without_a_guide_there_is_a_sentence(tiny_checkpoint):
    with pytest.raises(UserError, match="without a weaker version") as error:
        pictures(tiny_checkpoint, guidance=2.0)
    assert error.value.field == "guidance"
    assert not find(str(tiny_checkpoint)).has_guide


def test_a_guide_of_another_schedule_is_refused(guided):
    path = guided / GUIDE_FOLDER / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "beta_schedule": "linear"}))
    with pytest.raises(UserError, match="another noise schedule"):
        pictures(guided, guidance=2.0)


def test_a_broken_guide_spoils_nothing_until_it_is_asked_for(guided):
    weights = guided / GUIDE_FOLDER / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert find(str(guided)).has_guide
    pictures(guided)
    with pytest.raises(UserError, match="truncated or damaged"):
        pictures(guided, guidance=2.0)


def test_plain_diffusers_opens_both(guided):
    for folder in (guided, guided / GUIDE_FOLDER):
        assert DDPMPipeline.from_pretrained(folder).unet.config.in_channels == 3
