"""The noise level under which a prior finds a picture likeliest: exact priors, and garments."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from PIL import Image

from ddpm_demo.checkpoints.library import find
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.pipeline import DDPM
from ddpm_demo.restoration import settings
from ddpm_demo.restoration.noise_by_prior import believed, likeliest_sigma, slopes
from ddpm_demo.restoration.noise_model import NoiseModel
from ddpm_demo.restoration.noisy import look
from ddpm_demo.tasks.denoise import DenoiseRecipe

SCHEDULE = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
STD, SIGMA, SIDE, TILE_PX, PITCH_PX = 0.1, 0.15, 64, 32, 34


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seen(sigma, seed=0):
    """A draw of the exact prior under noise, within black and white."""
    return STD * drawn(1, 3, SIDE, SIDE, seed=seed) + sigma * drawn(
        1, 3, SIDE, SIDE, seed=seed + 1
    )


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.4])
def test_slopes_are_those_of_the_exact_density(sigma):
    y = seen(SIGMA).double()
    # y ~ N(0, (STD^2 + sigma^2) I)
    variance = STD**2 + sigma**2
    expected = sigma**2 * (y.square().sum() / variance**2 - y.numel() / variance)
    found = slopes(GaussianDenoiser(SCHEDULE, 0.0, STD), y, sigma).sum()
    assert float(found) == pytest.approx(float(expected), rel=1e-3)


def test_the_likeliest_level_is_that_of_the_exact_density():
    y = seen(SIGMA)
    best = math.sqrt(float(y.square().mean()) - STD**2)
    found = likeliest_sigma(GaussianDenoiser(SCHEDULE, 0.0, STD), y, 1.0)
    assert found == pytest.approx(best, rel=0.05)  # on a line between two levels


def test_a_picture_without_noise_has_none_and_one_with_more_has_no_more_than_was_found():
    denoiser = GaussianDenoiser(SCHEDULE, 0.0, STD)
    assert likeliest_sigma(denoiser, 0.9 * seen(0.0), 1.0) == 0.0
    assert likeliest_sigma(denoiser, seen(SIGMA), 0.05) == 0.05


def test_less_than_the_network_knows_is_left_as_it_was_found():
    y = seen(0.1).clamp(-1, 1)[:, :1]
    found = look([y], True, DenoiseRecipe(checkpoint="fashion-32"), 0.5, is_upright=True)
    least = dataclasses.replace(found, model=NoiseModel.white(0.005, 1), is_nothing=False)
    assert believed(least, GaussianDenoiser(SCHEDULE, 0.0, STD), y, 0.5) is least


def test_where_one_half_has_more_it_is_the_stronger():
    y = seen(0.05) - 0.05
    y[..., :32] += 0.3 + SIGMA * drawn(1, 3, SIDE, SIDE // 2, seed=5)

    class Halves(GaussianDenoiser):
        """Knows which half is light."""

        def predict(self, x_t, t):
            self.mean = torch.tensor([0.25] * 32 + [-0.05] * 32)
            return super().predict(x_t, t)

    found = likeliest_sigma(Halves(SCHEDULE, 0.0, STD), y, 1.0)
    assert found == pytest.approx(math.hypot(SIGMA, 0.05), rel=0.1)


@pytest.fixture(scope="module")
def fashion():
    return DDPM.from_pretrained("fashion-32")


@pytest.fixture(scope="module")
def garments():
    """Grey values [64, 32, 32] of the sheet in the checkpoint's card."""
    sheet = Image.open(find("fashion-32").folder / "samples.png")
    sheet = np.asarray(sheet.convert("L"), dtype=np.float32)
    places = [(row * PITCH_PX, column * PITCH_PX) for row in range(8) for column in range(8)]
    return np.stack([sheet[y : y + TILE_PX, x : x + TILE_PX] for y, x in places])


def denoised(ddpm, values, **more):
    image = Image.fromarray(values.round().clip(0, 255).astype(np.uint8))
    run = ddpm.denoise(DenoiseRecipe(checkpoint="fashion-32", **more), image)
    return np.asarray(run.images()[0], dtype=np.float32), run.metrics


def test_garments_without_noise_come_back_as_they_are(fashion, garments):
    for garment in garments[:16]:
        result, metrics = denoised(fashion, garment)
        assert metrics["noise_kind"] == "none"
        assert np.array_equal(result, garment)


@pytest.mark.parametrize("sigma", [8, 20])
def test_their_texture_is_not_taken_for_noise(fashion, garments, sigma):
    chosen = garments[:12]
    noisy = chosen + sigma * np.random.default_rng(sigma).standard_normal(chosen.shape)
    levels = [denoised(fashion, one)[1]["sigma_255"] for one in noisy]
    assert 0.85 * sigma < np.median(levels) < 1.1 * sigma


def test_a_level_that_was_given_is_not_asked_for(fashion, garments):
    assert denoised(fashion, garments[0], sigma_255=30.0)[1]["sigma_255"] == 30.0


def test_noise_that_is_added_is_asked_for_as_it_is(fashion, garments):
    levels = [denoised(fashion, one, add_noise_255=12.0)[1]["sigma_255"] for one in garments[:12]]
    assert 0.85 * 12 < np.median(levels) < 1.1 * 12


def test_only_networks_that_small_are_asked_and_none_of_photographs(fashion):
    assert settings.has_jacobian(fashion.info)
    assert not settings.has_jacobian(find("photos"))
    assert not settings.has_jacobian(dataclasses.replace(fashion.info, size_px=256))


def test_what_is_not_white_is_left_unless_much_less_is_found():
    recipe = DenoiseRecipe(checkpoint="fashion-32")
    y = seen(SIGMA)[:, :1].clamp(-1, 1)
    found = look([y], True, recipe, 0.5, is_upright=True)
    assert not found.is_nothing
    coloured = NoiseModel(found.model.power, False)
    for share, is_kept in ((0.9, True), (0.3, False)):
        model = coloured.times(SIGMA / share / coloured.sigma)
        one = dataclasses.replace(found, model=model)
        denoiser = GaussianDenoiser(SCHEDULE, 0.0, STD)
        after = believed(one, denoiser, y, 0.5)
        assert (after is one) == is_kept
        assert after.model.is_white != is_kept
