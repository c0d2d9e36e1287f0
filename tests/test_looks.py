"""A mean over looks of the network: photographs are turned for it, objects are not."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from test_camera_noise import noisy, psnr, scene, tensor

from ddpm_demo.core.denoiser import Prediction
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.pipeline import DDPM
from ddpm_demo.restoration import settings
from ddpm_demo.restoration.noisy import look
from ddpm_demo.tasks.denoise import DenoiseRecipe
from ddpm_demo.tasks.generate import GenerateRecipe


class Leaning:
    """Adds to what it sees a ramp that grows downwards, whichever way up the picture is."""

    schedule = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
    channels = 3

    def __init__(self):
        self.seen = []

    def predict(self, x_t, t):
        x = x_t / self.schedule.abar(t) ** 0.5
        self.seen.append(x)
        ramp = torch.linspace(-1, 1, x.shape[-2])[:, None]
        return Prediction(x0=x + 0.1 * ramp, eps=torch.zeros_like(x))


def run(is_upright=False, side=16, **values):
    """(the network, y, the last step) of a picture with white noise."""
    y = tensor(noisy(scene(side, side, 3), 20))
    recipe = DenoiseRecipe(checkpoint="photos", sigma_255=20.0, **values)
    found = look([y], False, recipe, 0.5, is_upright=is_upright)
    network, noise = Leaning(), NoiseSource.for_run(0, recipe.num_images, "cpu")
    restoration = found.restored(network, y, recipe, noise, noise)
    steps = list(restoration)
    assert steps[-1].num_steps == found.num_steps(recipe)
    return network, y, steps[-1]


def test_a_photograph_is_seen_twice_and_errors_that_turn_cancel():
    network, _, last = run()
    first, second = network.seen
    assert torch.equal(first, second.rot90(2, (-2, -1)))
    lean = torch.linspace(-0.1, 0.1, 16)[:, None]
    once = network.seen[0]
    assert torch.allclose(last.x0_hat, once.clamp(-1, 1), atol=1e-5)
    assert not torch.allclose(last.x0_hat, (once + lean).clamp(-1, 1), atol=1e-2)


@pytest.mark.parametrize(("num_steps", "looks"), [(1, 1), (3, 3), (4, 4), (50, 4)])
def test_steps_are_looks_as_far_as_there_are_quarters(num_steps, looks):
    network, _, _ = run(num_steps=num_steps)
    assert len(network.seen) == looks
    views = [x.rot90(-k, (-2, -1)) for x, k in zip(network.seen, (0, 2, 1, 3), strict=False)]
    assert all(torch.equal(view, network.seen[0]) for view in views)


@pytest.mark.parametrize("num_steps", [None, 4])
def test_an_object_is_seen_once_and_upright(num_steps):
    network, _, _ = run(is_upright=True, num_steps=num_steps)
    assert len(network.seen) == 1


def test_a_picture_that_is_not_small_is_seen_once(monkeypatch):
    monkeypatch.setattr("ddpm_demo.restoration.denoising.SMALL_PIXELS", 100)
    assert len(run()[0].seen) == 1


def test_samples_of_the_posterior_start_from_one_look():
    network, _, _ = run(perception=1.0, num_steps=3)
    assert len(network.seen) == 3


@pytest.fixture(scope="module")
def faces():
    return DDPM.from_pretrained("faces-64")


def test_a_face_stays_upright_under_coloured_noise(faces, monkeypatch):
    recipe = GenerateRecipe(checkpoint="faces-64", seed=3, num_steps=10, sampler="dpmpp_2m")
    face = np.asarray(faces.generate(recipe).images()[0], dtype=np.float32)
    drawn = gaussian_filter(
        np.random.default_rng(1).standard_normal(face.shape), sigma=(0.7, 0.7, 0)
    )
    seen = (face + 25 * drawn / drawn.std()).round().clip(0, 255).astype(np.uint8)

    def gain():
        out = faces.denoise(DenoiseRecipe(checkpoint="faces-64"), Image.fromarray(seen))
        return psnr(np.asarray(out.images()[0]), face) - psnr(seen, face)

    upright = gain()
    monkeypatch.setattr(settings, "is_upright", lambda info: False)
    assert upright > gain() + 3 > 3
