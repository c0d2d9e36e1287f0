"""Noise that a file cut off at black and white: its tails, and its level."""

import pytest
import torch

from ddpm_demo.restoration.noise_level import estimate_sigma
from ddpm_demo.restoration.saturation import estimate_clipped_sigma, unclip

SIGMA = 50 / 127.5


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("level", [-1.0, -0.8, 0.0, 0.6, 1.0])
def test_what_was_cut_off_is_put_back_on_average(level):
    y = (level + SIGMA * noise(1, 3, 128, 128)).clamp(-1, 1)
    error, before = unclip(y, SIGMA).mean() - level, y.mean() - level
    assert abs(error) < max(0.15 * abs(before), 0.005)


def test_black_and_white_are_treated_alike():
    y = (-0.9 + SIGMA * noise(1, 3, 32, 32)).clamp(-1, 1)
    torch.testing.assert_close(unclip(-y, SIGMA), -unclip(y, SIGMA))


def test_the_tail_of_a_known_pixel_is_that_of_the_gaussian():
    # Black all around: x_0 = -1; a Gaussian's mean below its centre is sqrt(2 / pi) sigma.
    y = torch.full((1, 1, 5, 5), -1.0)
    torch.testing.assert_close(unclip(y, SIGMA), y - (2 / torch.pi) ** 0.5 * SIGMA)


def test_pixels_within_the_range_are_left_to_the_last_bit():
    y = (0.8 + SIGMA * noise(2, 3, 32, 32)).clamp(-1, 1)
    inside = y.abs() < 1
    assert torch.equal(unclip(y, SIGMA)[inside], y[inside])
    assert not bool((unclip(y, SIGMA)[~inside].abs() < 1).all())
    assert torch.equal(unclip(y, 0.0), y)
    grey = 0.1 * y
    assert unclip(grey, SIGMA) is grey


@pytest.mark.parametrize("sigma_255", [15, 50])
def test_the_level_is_that_before_the_cut(sigma_255):
    sigma = sigma_255 / 127.5
    ramp = torch.linspace(-1, 1, 128).expand(1, 3, 128, 128)
    y = (ramp + sigma * noise(1, 3, 128, 128)).clamp(-1, 1)
    assert estimate_clipped_sigma(y) == pytest.approx(sigma, rel=0.03)
    assert estimate_clipped_sigma(y) == estimate_clipped_sigma(y)
    if sigma_255 == 50:
        assert estimate_sigma(y) < 0.92 * sigma


def test_a_picture_without_saturated_pixels_is_estimated_as_ever():
    y = 0.1 * noise(1, 3, 64, 64)
    assert estimate_clipped_sigma(y) == estimate_sigma(y)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2)])
@pytest.mark.parametrize("level", [-1.0, 1.0])
def test_tiny_and_plain_pictures_are_no_trouble(size, level):
    y = torch.full((1, 3, *size), level)
    assert estimate_clipped_sigma(y) == 0
    assert bool(unclip(y, 3.0).isfinite().all())
    assert bool(unclip(y, 1e-6).isfinite().all())
