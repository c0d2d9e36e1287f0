"""What whitening hid comes back where the noise was weak, and nothing where there is but noise."""

import pytest
import torch
import torch.nn.functional as F

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.restoration import denoising, noise_model
from ddpm_demo.restoration.noise_model import NoiseModel
from ddpm_demo.restoration.recovery import recovered

SIGMA = 0.15


def low_noise(channels):
    """Strong below a quarter of the frequencies, nearly none above."""
    power = torch.full((channels, 8, 8), 1e-5)
    power[:, :3, :3] = SIGMA**2
    return NoiseModel(power, False)


def noisy(x, model):
    margin = 2 * noise_model.FILTER_MARGIN_PX
    drawn = NoiseSource([7]).randn((x.shape[1], x.shape[2] + margin, x.shape[3] + margin))
    y = x + noise_model.filtered(drawn, model.grid().sqrt())
    s = denoising.whitening_level(model)
    return y, denoising.filling(model, s, NoiseSource([3]), tuple(x.shape[1:])), s


def mse(a, b):
    return float((a - b).square().mean())


@pytest.mark.parametrize("channels", [1, 3])
def test_fine_texture_comes_back(channels):
    """A stripe of texture is above the noise; the network's answer has only its mean."""
    model = low_noise(channels)
    assert denoising.is_coloured(model)
    columns = torch.arange(64)
    texture = 0.2 * (1 - 2 * (columns % 2)).float()
    x = texture.expand(1, channels, 64, 64).clone()
    x[..., :32] = 0
    y, own, s = noisy(x, model)
    smooth = F.avg_pool2d(F.pad(x, (1, 1, 0, 0), mode="reflect"), (1, 3), 1)
    result = recovered(smooth, y, own, model, s)
    assert mse(result, x) < 0.5 * mse(smooth, x)


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_does_not_come_back(channels):
    model = low_noise(channels)
    x = torch.zeros(1, channels, 96, 96)
    y, own, s = noisy(x, model)
    assert mse(recovered(x, y, own, model, s), x) < 0.02 * mse(y, x)


def test_what_compression_took_is_not_in_the_file():
    """Nearly white brightness: nothing is asked of the other frequencies."""
    power = torch.full((3, 8, 8), SIGMA**2)
    power[1:] = 1e-5
    assert not denoising.is_coloured(NoiseModel(power, False))
    assert denoising.whitening_level(NoiseModel(power, False)) == pytest.approx(
        denoising.OF_MEAN * SIGMA
    )
