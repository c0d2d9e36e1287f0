"""How much goes on around a hole, and that chains start where it says."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ddpm_demo import DDPM, InpaintRecipe
from ddpm_demo.restoration.coarse_to_fine import LAST_SIGMA, calmer
from ddpm_demo.restoration.liveliness import MIN_POWER, relative_power
from ddpm_demo.restoration.spectrum import PHOTO, from_frequencies

SIDE_PX = 96


def drawn(power, seed=0, side=SIDE_PX):
    """A picture of the Gaussian with `power` times the prior's spectrum."""
    x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(seed))
    return from_frequencies(PHOTO.times(power).power(x).sqrt() * x)


def with_hole(side_px=32):
    known = torch.ones(1, 1, SIDE_PX, SIDE_PX)
    start = (SIDE_PX - side_px) // 2
    known[..., start : start + side_px, start : start + side_px] = 0
    return known


@pytest.mark.parametrize("power", [0.5, 0.1, 0.01])
def test_the_power_of_a_picture_is_found(power):
    found = [relative_power(drawn(power, seed), with_hole(), PHOTO) for seed in range(6)]
    # Blocks of 16 pixels see some of what is slower than themselves.
    assert power / 2 < math.exp(sum(map(math.log, found)) / 6) < 2 * power


def test_it_is_that_of_what_is_known_and_near():
    x, known = drawn(0.1), with_hole()
    expected = relative_power(x, known, PHOTO)
    assert relative_power(torch.where(known > 0, x, 7.0), known, PHOTO) == expected
    far = x.clone()
    far[..., :8, :] = 5 * torch.randn(8, SIDE_PX, generator=torch.Generator().manual_seed(1))
    assert relative_power(far, known, PHOTO) == pytest.approx(expected)
    assert relative_power(drawn(1e-7), known, PHOTO) == MIN_POWER
    assert relative_power(drawn(30.0), known, PHOTO) == 1
    assert relative_power(x, torch.zeros_like(known), PHOTO) == 1
    assert relative_power(x[..., :8, :8], known[..., :8, :8], PHOTO) == 1


def test_neither_noise_nor_blur_is_taken_for_it():
    x, known = drawn(0.01), with_hole()
    expected = relative_power(x, known, PHOTO)
    noise = 0.08 * torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    assert relative_power(x + noise, known, PHOTO) > 1.5 * expected
    assert relative_power(x + noise, known, PHOTO, 0.08) == pytest.approx(expected, rel=0.4)
    lively = drawn(0.5)
    enlarged = F.interpolate(F.avg_pool2d(lively, 2), scale_factor=2, mode="bicubic")
    assert relative_power(enlarged, known, PHOTO) > 0.2


def test_a_calm_picture_starts_from_less_noise_in_as_many_steps():
    usual = [2.0, 0.6, 0.2, 0.05, 0.02]
    assert calmer(usual, 1.0) == usual
    quiet = calmer(usual, 0.04)
    assert len(quiet) == 5 and quiet == sorted(quiet, reverse=True)
    assert quiet[0] == pytest.approx(0.4) and quiet[-1] == 0.02
    least = calmer(usual[3:], MIN_POWER)
    assert least == pytest.approx([2 * LAST_SIGMA, LAST_SIGMA])


def picture(contrast, side=128):
    """Waves of 24 pixels around mid-grey."""
    y, x = np.mgrid[0:side, 0:side]
    waves = np.sin(2 * math.pi * x / 24) * np.sin(2 * math.pi * y / 24)
    return np.repeat((128 + contrast * waves)[..., None], 3, 2).round().astype(np.uint8)


def test_a_hole_in_a_calm_picture_is_filled_from_less_noise(monkeypatch):
    """The noise levels that the network is asked at, and what the first picture is like."""
    ddpm = DDPM.from_pretrained("photos", "cpu")
    asked = []
    usual = ddpm.denoiser.predict

    def predict(x_t, t):
        asked.append(ddpm.denoiser.schedule.sigma(t))
        return usual(x_t, t)

    monkeypatch.setattr(ddpm.denoiser, "predict", predict)
    mask = Image.new("L", (128, 128), 0)
    mask.paste(255, (52, 52, 76, 76))
    starts = []
    for contrast in (100, 4):
        asked.clear()
        recipe = InpaintRecipe(checkpoint="photos", num_images=1, num_steps=3)
        list(ddpm.inpaint(recipe, Image.fromarray(picture(contrast)), mask))
        starts.append(max(asked))
        assert len(set(asked)) == 3
    assert starts[0] == pytest.approx(2.0, rel=0.01)
    # 1/25 of the contrast; the first is more than the prior has, which counts as 1.
    assert 0.05 < starts[1] < 1.0
