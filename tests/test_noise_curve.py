"""Noise that depends on the brightness: its curve is found, made even, and taken back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from test_camera_noise import DRAWN, denoised, noisy, psnr, scene, tensor
from test_mosaic import filled

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.pipeline import DDPM
from ddpm_demo.restoration import blocks, fit, noise_curve, noise_estimate
from ddpm_demo.restoration.mosaic import Mosaic
from ddpm_demo.restoration.noise_curve import NoiseCurve
from ddpm_demo.restoration.noise_model import NoiseModel
from ddpm_demo.restoration.noisy import look
from ddpm_demo.tasks.denoise import DenoiseRecipe

LEVELS = 127.5
# Standard deviation in grey levels at the brightness m in [0, 1].
KINDS = {
    "poisson": lambda m: 20 * np.sqrt((m + 0.1) / 0.6),
    "dark": lambda m: 28 - 20 * m,
    "proportional": lambda m: 4 + 30 * m,
}
PHOTONS = NoiseCurve((0.011, 0.009, 0.0), -0.9, 0.8)
DARK = NoiseCurve((0.012, -0.008, 0.002), -1.0, 1.0)


@pytest.fixture(scope="module")
def ddpm():
    return DDPM.from_pretrained("photos")


def uneven(clean, kind, seed=6):
    noise = np.random.default_rng(seed).standard_normal(clean.shape) * KINDS[kind](clean / 255)
    return (clean + noise).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("curve", [PHOTONS, DARK])
def test_noise_is_even_there_and_unbiased_on_the_way_back(curve):
    m = torch.linspace(-0.8, 0.75, 32, dtype=torch.float64)
    drawn = torch.randn(200_000, 32, dtype=torch.float64, generator=torch.manual_seed(0))
    z = curve.stabilised(m + drawn * curve.variance(m).sqrt())
    assert torch.allclose(z.std(0), torch.full_like(m, curve.level), rtol=0.03)
    assert (curve.back(z.mean(0)) - m).abs().max() < 0.15 / LEVELS
    # What the middle of the line would be is further off: that is what is added back.
    slope = curve.coefficients[1] / 4
    assert (curve.back(z.mean(0)) - slope - m).abs().max() > 0.2 / LEVELS


def test_black_and_white_stay_and_what_lies_beyond_stays_beyond():
    ends = torch.tensor([-1.0, 1.0])
    assert torch.equal(PHOTONS.stabilised(ends), ends)
    assert float(PHOTONS.stabilised(torch.tensor(-1.2))) < -1
    flat = NoiseCurve((0.01, 0.0, 0.0), -1.0, 1.0)
    x = torch.linspace(-1.5, 1.5, 50)
    assert torch.allclose(flat.stabilised(x), x, atol=1e-5)
    assert torch.allclose(flat.back(x), x, atol=1e-5)
    assert flat.level == pytest.approx(0.1, rel=1e-3)


def test_the_variance_is_that_of_the_ends_beyond_them():
    found = PHOTONS.variance(torch.tensor([-2.0, -0.9, 0.0, 0.8, 3.0]))
    assert found.tolist() == pytest.approx([0.0029, 0.0029, 0.011, 0.0182, 0.0182])
    assert PHOTONS.times(2).sigma([torch.zeros(1, 3, 4, 4)]) == pytest.approx(2 * 0.011**0.5)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_found(kind, mode):
    clean = scene(256, 256, 4)
    clean = clean[..., 0] if mode == "L" else clean
    model = noise_estimate.estimate([tensor(uneven(clean, kind))])
    assert model.is_white and model.curve is not None
    m = np.linspace(60, 200, 8) / 255
    found = model.curve.variance(torch.from_numpy(2 * m - 1)).sqrt().numpy() * LEVELS
    assert found == pytest.approx(KINDS[kind](m), rel=0.12)
    rms = np.sqrt(np.mean(KINDS[kind](clean / 255) ** 2))
    assert model.sigma * LEVELS == pytest.approx(rms, rel=0.08)


@pytest.mark.parametrize("sigma", [0, 5, 10, 20, 40])
@pytest.mark.parametrize("seed", [4, 5, 6])
def test_white_noise_and_none_have_none(sigma, seed):
    pixels = noisy(scene(192, 192, seed), sigma, seed)
    assert noise_estimate.estimate([tensor(pixels)]).curve is None


def test_drawings_and_handfuls_of_pixels_have_none():
    for image in DRAWN.values():
        assert noise_estimate.estimate([tensor(np.asarray(image))]).curve is None
    for shape in ((1, 1, 3), (7, 300, 3), (16, 16, 3), (40, 9, 3)):
        few = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        assert noise_curve.find([tensor(few)]) is None
    assert noise_curve.find([]) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_gains(ddpm, kind, monkeypatch):
    clean = scene(192, 160, 11)
    image = Image.fromarray(uneven(clean, kind))
    now = psnr(denoised(ddpm, image), clean)
    monkeypatch.setattr(noise_curve, "find", lambda parts: None)
    assert now > psnr(denoised(ddpm, image), clean) + 0.25


def test_grey_samples_and_the_amount_go_the_same_way(ddpm):
    clean = scene(128, 128, 11)
    image = Image.fromarray(uneven(clean, "proportional"))
    for values in ({"perception": 0.5, "num_steps": 3}, {"amount": 0.8}):
        assert psnr(denoised(ddpm, image, **values), clean) > psnr(image, clean) + 3
    grey, clean_grey = (x.convert("L") for x in (image, Image.fromarray(clean.astype(np.uint8))))
    result = denoised(ddpm, grey)
    assert result.mode == "L" and psnr(result, clean_grey) > psnr(grey, clean_grey) + 3


def test_a_level_that_is_given_is_the_same_everywhere(ddpm):
    image = Image.fromarray(uneven(scene(128, 128, 11), "dark"))
    run = ddpm.denoise(DenoiseRecipe(checkpoint="photos", sigma_255=20.0), image)
    assert run.images() and run.metrics["sigma_255"] == 20.0


def test_samples_behind_a_mosaic_are_taken_as_they_are(ddpm):
    """Where both are found, what the mosaic's samples are is known better."""
    recipe = DenoiseRecipe(checkpoint="photos", num_steps=2)
    y = tensor(filled(scene(96, 96, 4), Mosaic(0, 1)))
    found = look([y], False, recipe, 0.5)
    both = replace(found, model=NoiseModel.white(found.model.sigma, 3, PHOTONS))
    assert found.mosaic is not None
    results = [
        list(one.restored(ddpm.denoiser, y, recipe, NoiseSource.for_run(0, 1), None))[-1].x0_hat
        for one in (found, both)
    ]
    assert torch.equal(*results)


def test_large_pictures_gain_too(ddpm, monkeypatch):
    clean = scene(300, 280, 11)
    image = Image.fromarray(uneven(clean, "proportional"))
    monkeypatch.setattr(fit, "WHOLE_PIXELS", 2_000)
    monkeypatch.setattr(blocks, "MAX_BLOCK_PX", 200)
    now = psnr(denoised(ddpm, image), clean)
    monkeypatch.setattr(noise_curve, "find", lambda parts: None)
    assert now > psnr(denoised(ddpm, image), clean) + 0.25
