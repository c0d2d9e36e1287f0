"""Noise that depends on the brightness and is coloured besides, as in the files of cameras."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import convolve
from test_camera_noise import denoised, noisy, psnr, scene, tensor
from test_noise_curve import KINDS, uneven

from ddpm_demo.pictures import compression
from ddpm_demo.pipeline import DDPM
from ddpm_demo.restoration import noise_before, noise_estimate, noise_likelihood, quantised
from ddpm_demo.restoration.noise_curve import NoiseCurve
from ddpm_demo.restoration.noise_in_file import found_in
from ddpm_demo.restoration.noise_likelihood import Blocks

JOINT = NoiseCurve((0.012, -0.008, 0.002), -1.0, 1.0, is_joint=True)


@pytest.fixture(scope="module")
def ddpm():
    return DDPM.from_pretrained("photos")


def jpeg(pixels, quality=88):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)  # 4:2:0
    return Image.open(io.BytesIO(file.getvalue()))


def smooth(clean, kind, seed=6):
    """Noise of three pixels' means, as of a demosaicked picture."""
    noise = np.random.default_rng(seed).standard_normal(clean.shape) * KINDS[kind](clean / 255)
    noise = convolve(noise, np.ones((3, 3, 1)) / 4.5, mode="mirror")
    return (clean + noise).round().clip(0, 255).astype(np.uint8)


def wide(seed):
    """A scene from dark to bright."""
    return (scene(256, 256, seed) + np.linspace(-70, 70, 256)[:, None, None]).clip(5, 250)


def of_file(image):
    parts, how = [tensor(np.asarray(image))], compression.of_picture(image)
    return noise_before.curve(parts, quantised.look(parts, how))


def check_shape(curve, kind):
    """The curve is of the brightness, and up to a factor."""
    m = np.linspace(max(curve.low, -0.7), min(curve.high, 0.7), 8)
    found = curve.variance(torch.from_numpy(m)).sqrt().numpy() / KINDS[kind]((m + 1) / 2)
    assert np.log(found).std() < 0.25  # without a curve .3 to .5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quality", [80, 95])
def test_it_is_found_under_compression(kind, quality):
    image = jpeg(uneven(wide(7), kind), quality)
    curve = of_file(image)
    assert curve is not None and curve.is_joint
    check_shape(curve, kind)
    model = found_in([tensor(np.asarray(image))], compression.of_picture(image))
    # A weak one is left aside where noise that is the same everywhere fits as well.
    assert kind == "poisson" or (model.curve is not None and not model.is_white)


def test_it_is_found_in_noise_that_neighbours_share():
    model = noise_estimate.estimate([tensor(smooth(wide(4), "dark"))])
    assert model.curve is not None and not model.is_white
    check_shape(model.curve, "dark")


@pytest.mark.parametrize("sigma", [0, 10, 20])
@pytest.mark.parametrize("seed", [4, 5, 6])
def test_noise_that_is_the_same_everywhere_has_none(sigma, seed):
    pixels = noisy(scene(256, 192, seed), sigma, seed)
    for quality in (80, 95):
        image = jpeg(pixels, quality)
        model = found_in([tensor(np.asarray(image))], compression.of_picture(image))
        assert model.curve is None


def test_few_blocks_say_nothing():
    assert of_file(jpeg(uneven(scene(64, 64, 4), "dark"))) is None
    few = tensor(smooth(scene(64, 64, 4), "dark"))
    assert noise_estimate.joint_curve([few]) is None
    one = tensor(np.full((200, 200, 3), 77, np.uint8))
    assert noise_estimate.joint_curve([one]) is None


def test_the_likelihood_is_that_of_a_mixture():
    """Of blocks half of which lie on the floor, in closed form."""
    levels = torch.logspace(-3, 1, 81, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    true = torch.cat([torch.full((300,), 0.1), torch.linspace(0.2, 1, 300)]).double()
    energy = true.square() * torch.randn(600, 50, generator=generator).double().square().sum(1)
    chances = -50 * levels.log() - energy[:, None] / (2 * levels.square())
    blocks = Blocks(torch.zeros(600).double(), levels, chances)
    found = {s: blocks.likelihood(torch.full((600,), s).double()) for s in (0.05, 0.1, 0.2)}
    assert max(found, key=lambda s: found[s][0]) == 0.1
    nothing = found[0.1][1][:-1][levels < 0.05].sum()  # which of these it is, nobody can tell
    assert float(nothing) == pytest.approx(0.5, abs=0.05)


def test_joint_noise_is_even_and_comes_back_with_its_colours():
    colours = torch.tensor([[0.5, -0.2, -0.6], [-0.5, -0.5, -0.5], [0.1, 0.6, 0.5]]).double()
    x = colours.T[None, :, :, None].expand(1, 3, 3, 100_000)
    n = torch.randn(1, 1, 3, 100_000, dtype=torch.float64, generator=torch.manual_seed(0))
    n = n * JOINT.variance(JOINT.told_by(x)).sqrt()  # what is mixed is alike in all channels
    z = JOINT.stabilised(x + n)
    assert torch.allclose(z.mean(1).std(-1), torch.full((1, 3), JOINT.level).double(), rtol=0.05)
    assert torch.allclose(JOINT.back(JOINT.stabilised(x)), x + _bias(x), atol=1e-3)


def _bias(x):
    _, c_1, c_2 = JOINT.coefficients
    return (c_1 + 2 * c_2 * JOINT.told_by(x)) / 4


def test_colours_out_of_reach_come_back():
    """Saturated dark colours are stretched beyond what networks give."""
    steep = NoiseCurve((0.0222, 0.03505, 0.01384), -1.0, 1.0, is_joint=True)
    x = torch.full((1, 3, 40, 40), -1.0)
    x[:, 0, 10:30, 10:30] = 1.0
    z, finish = steep.evened(x, lambda picture: picture)
    assert float(steep.stabilised(x).max()) > 1.3 and float(z[..., 15:25, 15:25].max()) <= 1.001
    assert (finish(z) - steep.back(steep.stabilised(x))).abs().max() < 1e-5
    far = steep.reaching([x])
    assert far.reach > 1.3 and float(far.stabilised(x).max()) <= 1.05
    assert (far.back(far.stabilised(x)) - steep.back(steep.stabilised(x))).abs().max() < 1e-3
    assert far.level == pytest.approx(steep.level / far.reach)


def test_the_models_strength_is_one_in_the_mean():
    pixels = tensor(smooth(wide(4), "dark"))
    model = noise_estimate.estimate([pixels])
    assert float(model.strength(pixels).square().mean()) == pytest.approx(1, rel=0.02)
    even = model.evened()
    assert even.curve is None and even.sigma == pytest.approx(
        model.sigma * model.curve.level / model.curve.sigma([pixels]), rel=1e-3
    )


@pytest.mark.parametrize("kind", ["dark", "proportional"])
def test_a_file_gains(ddpm, kind, monkeypatch):
    clean = wide(7)
    image = jpeg(uneven(clean, kind))
    now = psnr(denoised(ddpm, image), clean)
    monkeypatch.setattr(noise_likelihood, "fit", lambda blocks, is_joint: None)
    assert now > psnr(denoised(ddpm, image), clean) + 0.25
    grey = image.convert("L")
    assert psnr(denoised(ddpm, grey), Image.fromarray(clean.astype(np.uint8)).convert("L")) > 25
