"""Holes in noisy pictures: what is filled knows of the noise around it, and bears it."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ddpm_demo.pipeline import DDPM
from ddpm_demo.restoration import grain
from ddpm_demo.restoration.canvas import from_pixels
from ddpm_demo.restoration.grain import Grain
from ddpm_demo.restoration.noise_curve import NoiseCurve
from ddpm_demo.restoration.noise_model import NoiseModel
from ddpm_demo.restoration.window import Window
from ddpm_demo.tasks.inpaint import InpaintRecipe

SIGMA = 20
HOLE = Window(64, 56, 32, 48)


def hole_of(height=160, width=160):
    unknown = np.zeros((height, width), bool)
    unknown[HOLE.slices] = True
    return unknown


def clean():
    """A ramp with an edge across the hole, uint8 [160, 160, 3]."""
    column = np.arange(160.0)
    ramp = np.where(column < 80, 60 + 0.3 * column, 190 - 0.3 * column)
    return np.stack([ramp * share for share in (1.0, 0.8, 0.6)], -1)[None].repeat(160, 0)


def noisy(seed=0):
    added = SIGMA * np.random.default_rng(seed).standard_normal((160, 160, 3))
    return np.clip(clean() + added, 0, 255).round().astype(np.uint8)


def found(pixels, **options):
    options = {"channels": 3, "is_copied": False, "compression": None, "seed": 0, **options}
    return grain.find(
        lambda window: from_pixels(pixels[window.slices], 3), hole_of(), [HOLE], **options
    )


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_the_level_of_white_noise_falls_by_the_factor(factor):
    white = Grain(NoiseModel.white(0.1, 3), 3, 0)
    assert white.level(factor) == pytest.approx(0.1 / factor, rel=0.03)
    copied = Grain(NoiseModel.white(0.1, 1), 3, 0)
    assert copied.level(factor) == pytest.approx(0.1 * 3**0.5 / factor, rel=0.03)


def test_noise_that_neighbours_share_falls_by_less():
    power = torch.zeros(3, 8, 8)
    power[:, :4, :4] = 0.04  # half of the frequencies each way
    model = NoiseModel(power, False)
    level = Grain(model, 3, 0).level
    # Between the fourth frequency and the fifth it falls to nothing along a line.
    assert level(1) == pytest.approx(0.2 * 3.5 / 8, rel=0.05)
    assert level(2) > 0.75 * level(1)


def test_a_pixels_noise_is_the_same_in_every_window_and_another_for_every_sample():
    drawn = Grain(NoiseModel.white(0.1, 3), 3, seed=5)
    outer, inner = Window(250, 300, 40, 50), Window(260, 310, 16, 24)
    whole, part = (
        drawn.noise(window, torch.zeros(2, 3, window.height, window.width))
        for window in (outer, inner)
    )
    inside = inner.within(outer).slices
    torch.testing.assert_close(whole[(..., *inside)], part, atol=1e-6, rtol=0)
    assert float((part[0] - part[1]).abs().mean()) > 0.05
    assert float(whole.std()) == pytest.approx(0.1, rel=0.05)


def test_grain_is_as_strong_as_noise_is_at_the_brightness_of_what_was_filled():
    curve = NoiseCurve((0.011, 0.009, 0.0), -1.0, 1.0)
    drawn = Grain(NoiseModel.white(0.105, 3, curve), 3, seed=5)
    x = torch.tensor([-0.8, 0.8]).repeat_interleave(64).expand(1, 3, 128, 128)
    found = drawn.noise(Window(0, 0, 128, 128), x)
    for half, m in ((found[..., :64], -0.8), (found[..., 64:], 0.8)):
        assert float(half.std()) == pytest.approx((0.011 + 0.009 * m) ** 0.5, rel=0.03)


def test_what_is_found_and_what_is_not_looked_at():
    pixels = noisy()
    assert found(pixels).level(1) * 127.5 == pytest.approx(SIGMA, rel=0.1)
    hidden = pixels.copy()
    hidden[HOLE.slices] = np.random.default_rng(1).integers(0, 255, (32, 48, 3))
    assert torch.equal(found(hidden).model.power, found(pixels).model.power)
    grey = pixels[..., :1].repeat(3, -1)
    assert found(grey, is_copied=True).model.power.shape[0] == 1
    assert found(clean().round().astype(np.uint8)) is None


def test_a_picture_that_is_nearly_all_hole_has_too_little_to_look_at():
    unknown = np.ones((160, 160), bool)
    unknown[:40] = False
    view = lambda window: from_pixels(noisy()[window.slices], 3)  # noqa: E731
    assert grain.find(view, unknown, [Window(40, 0, 120, 160)], 3, False, None, 0) is None


@pytest.fixture(scope="module")
def photos():
    return DDPM.from_pretrained("photos", "cpu")


def filled(photos, pixels, **fields):
    recipe = InpaintRecipe(checkpoint="photos", num_steps=4, **fields)
    mask = Image.fromarray(hole_of().astype(np.uint8) * 255)
    return np.asarray(photos.inpaint(recipe, Image.fromarray(pixels), mask).images()[0])


def grains(pixels):
    """Standard deviation of what a 3 x 3 mean does not hold, inside the hole's window."""
    x = from_pixels(pixels, 3)
    rest = x - F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1)
    rows, columns = HOLE.slices
    return 127.5 * float(rest[..., rows, columns].std())


def test_a_sample_has_the_noise_of_its_surroundings_and_a_mean_has_none(photos, monkeypatch):
    pixels, hole = noisy(), hole_of()
    sample = filled(photos, pixels, seed=1)
    assert np.array_equal(sample[~hole], pixels[~hole])
    assert grains(sample) == pytest.approx(grains(pixels), rel=0.15)
    hidden = pixels.copy()
    hidden[hole] = 255
    assert np.array_equal(filled(photos, hidden, seed=1), sample)

    mean = filled(photos, pixels, perception=0.0)
    assert np.array_equal(mean[~hole], pixels[~hole])
    assert grains(mean) < 0.4 * grains(pixels)
    monkeypatch.setattr(grain, "find", lambda *arguments: None)
    unaware = filled(photos, pixels, perception=0.0)
    errors = [np.abs(picture[hole] - clean()[hole]).mean() for picture in (mean, unaware)]
    assert errors[0] < 0.9 * errors[1]
