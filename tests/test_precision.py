"""Half precision: asked of the processor, near to float32, and never where it must be exact."""

import logging

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from PIL import Image

from ddpm_demo.checkpoints import library
from ddpm_demo.core import precision
from ddpm_demo.core.denoiser import TiledDenoiser, UNetDenoiser, use
from ddpm_demo.core.inversion import invert, psnr_of
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.errors import UserError
from ddpm_demo.pipeline import DDPM
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.tasks.inpaint import InpaintRecipe
from ddpm_demo.training.sheets import sample_images

CPU = torch.device("cpu")
PLAIN = dict.fromkeys(precision.BF16_INSTRUCTIONS, False)
TINY = {
    "sample_size": 8,
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "norm_num_groups": 4,
}


@pytest.fixture
def unasked(monkeypatch):
    monkeypatch.delenv(precision.VARIABLE, raising=False)
    monkeypatch.setattr(precision, "_warned", set())


@pytest.fixture(scope="module")
def cosine():
    return Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})


def network():
    torch.manual_seed(0)
    return UNet2DModel(**TINY).eval()


@pytest.mark.parametrize("name", precision.BF16_INSTRUCTIONS)
def test_auto_is_bfloat16_where_the_processor_has_it_and_float32_elsewhere(unasked, name):
    assert precision.choose(None, CPU, lambda: PLAIN) == torch.float32
    assert precision.choose("auto", CPU, lambda: {}) == torch.float32  # such as an ARM
    assert precision.choose(None, CPU, lambda: {**PLAIN, name: True}) == torch.bfloat16
    assert precision.choose("float32", CPU, lambda: {**PLAIN, name: True}) == torch.float32


@pytest.mark.parametrize(
    ("device", "emulated", "expected"),
    [
        ("cuda", False, torch.bfloat16),
        ("cuda", True, torch.float16),
        ("mps", False, torch.float16),
        ("xpu", False, torch.bfloat16),
        ("meta", False, torch.float32),
    ],
)
def test_auto_on_other_devices(unasked, monkeypatch, device, emulated, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not emulated)
    assert precision.choose(None, torch.device(device)) == expected


def test_the_environment_is_asked_before_the_processor(unasked, monkeypatch):
    able = dict.fromkeys(precision.BF16_INSTRUCTIONS, True)
    monkeypatch.setenv(precision.VARIABLE, "float32")
    assert precision.choose(None, CPU, lambda: able) == torch.float32
    assert precision.choose("bfloat16", CPU, lambda: able) == torch.bfloat16
    monkeypatch.setenv(precision.VARIABLE, "float8")
    with pytest.raises(UserError, match="float8") as caught:
        precision.choose(None, CPU)
    assert caught.value.field == "precision"


def test_a_precision_that_is_slow_here_works_and_says_so_once(unasked, caplog, monkeypatch):
    """In the log where the environment wants it; to whoever asked for it, in a sentence."""
    with caplog.at_level(logging.WARNING):
        assert precision.choose("bfloat16", CPU, lambda: PLAIN) == torch.bfloat16
        assert not caplog.records
        monkeypatch.setenv(precision.VARIABLE, "bfloat16")
        precision.choose(None, CPU, lambda: {**PLAIN, "amx_bf16": True})
        for _ in range(2):
            assert precision.choose(None, CPU, lambda: PLAIN) == torch.bfloat16
    assert "slower" in str(precision.slow_note(torch.bfloat16, CPU, lambda: PLAIN))
    assert precision.slow_note(torch.float32, CPU, lambda: PLAIN) is None
    assert precision.slow_note(torch.bfloat16, CPU, lambda: {"amx_bf16": True}) is None
    (record,) = caplog.records
    assert "bfloat16" in record.message and "slower" in record.message


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_inputs_outputs_and_the_weights_in_memory_stay_float32(cosine, name):
    unet = network()
    half = UNetDenoiser(unet, cosine, "v_prediction", precision=name)
    x_t = NoiseSource.for_run(0, 2).randn((3, 8, 8))
    prediction = half.predict(x_t, 500.25)
    assert prediction.x0.dtype == prediction.eps.dtype == torch.float32
    assert next(unet.parameters()).dtype == torch.float32
    other = precision.in_precision(unet, getattr(torch, name))
    assert other is precision.in_precision(unet, getattr(torch, name)) is not unet
    assert other.dtype == getattr(torch, name)
    exact = UNetDenoiser(unet, cosine, "v_prediction", precision="float32").predict(x_t, 500.25)
    error = (prediction.x0 - exact.x0).abs().max()
    assert 0 < error < (0.03 if name == "bfloat16" else 0.004)


@pytest.mark.parametrize("size_px", [8, 32])  # either side of SLOW_NORM_PIXELS
@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_a_half_networks_norms_are_float32s_rounded(name, size_px):
    unet, dtype = network(), getattr(torch, name)
    half = precision.in_precision(unet, dtype)
    norms = {n: m for n, m in unet.named_modules() if isinstance(m, torch.nn.GroupNorm)}
    assert len(norms) > 10
    for place, norm in norms.items():
        torch.nn.init.normal_(norm.weight)
        other = half.get_submodule(place)
        other.weight.data.copy_(norm.weight)
        x = NoiseSource.for_run(0, 2).randn((norm.num_channels, size_px, size_px)).to(dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        found = other(x)
        assert found.dtype == dtype
        torch.testing.assert_close(found.float(), norm(x.float()), atol=0.002, rtol=0.02)


@pytest.mark.parametrize("name", ["fashion-32", "faces-64", "photos"])
@pytest.mark.parametrize("t", [20, 200, 700])
def test_the_error_of_bfloat16_on_the_bundled_weights(name, t):
    """Root mean square in v, whose own is about 1."""
    loaded = library.load(name)
    schedule = Schedule.from_config(loaded.scheduler_config)
    size_px = min(32, loaded.info.size_px)
    denoiser = UNetDenoiser(loaded.unet, schedule, "v_prediction", clip_range=None)
    ramp = torch.linspace(-0.8, 0.8, size_px)
    x_0 = (ramp[:, None] * ramp).expand(1, denoiser.channels, size_px, size_px)
    x_t = schedule.q_sample(x_0, t, NoiseSource.for_run(3, 1).randn(x_0.shape[1:]))
    v = []
    for kind in ("float32", "bfloat16"):
        prediction = use(denoiser, kind).predict(x_t, t)
        v.append(schedule.v_from_x0_eps(prediction.x0, prediction.eps, t))
    assert 0 < (v[1] - v[0]).square().mean().sqrt() < 0.02


def test_a_network_that_is_not_float32_is_left_as_it_is(cosine):
    exact = network().double()
    assert precision.in_precision(exact, torch.bfloat16) is exact


def test_use_goes_through_wrappers_and_changes_nothing_but_the_precision(cosine):
    inner = UNetDenoiser(network(), cosine, precision="float32")
    tiled = TiledDenoiser(inner, 8, 4)
    half = use(tiled, "bfloat16")
    assert half.tile_px == 8 and half.denoiser.unet is inner.unet
    assert half.denoiser.precision == torch.bfloat16
    assert tiled.denoiser is inner and inner.precision == torch.float32
    assert use(tiled, None) is tiled
    oracle = GaussianDenoiser(cosine, 0, 1)
    assert use(oracle, "bfloat16") is oracle
    with pytest.raises(UserError, match="float64"):
        use(inner, "float64")


def test_sheets_while_training_show_the_weights_as_they_are_now(unasked, monkeypatch, cosine):
    monkeypatch.setenv(precision.VARIABLE, "bfloat16")
    unet = network()
    before = sample_images(unet, cosine, "v_prediction", 1, 8, 2)
    with torch.no_grad():
        unet.conv_in.weight.mul_(-1)
        unet.mid_block.resnets[0].conv1.weight.mul_(-2)
    after = sample_images(unet, cosine, "v_prediction", 1, 8, 2)
    fresh = network()
    fresh.load_state_dict(unet.state_dict())
    assert torch.equal(after, sample_images(fresh, cosine, "v_prediction", 1, 8, 2))
    assert not torch.equal(after, before)


def test_denoising_a_photograph_in_bfloat16_is_as_good():
    """Within .02 dB at sigma 25 of 255, one evaluation."""
    from skimage import data

    loaded = library.load("photos")
    schedule = Schedule.from_config(loaded.scheduler_config)
    denoiser = UNetDenoiser(loaded.unet, schedule, "v_prediction")
    pixels = torch.from_numpy(data.astronaut()[40:136, 180:276].copy())
    x_0 = pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
    sigma = 25 / 127.5
    noisy = x_0 + sigma * NoiseSource.for_run(0, 1).randn(x_0.shape[1:])
    t = schedule.t_from_sigma(sigma)
    psnr = []
    for kind in ("float32", "bfloat16"):
        found = use(denoiser, kind).predict(schedule.abar(t) ** 0.5 * noisy, t).x0
        psnr.append(psnr_of(((found - x_0) / 2).square().mean().item()))
    assert psnr[0] > 27
    assert psnr[1] == pytest.approx(psnr[0], abs=0.02)


def test_known_pixels_are_exact_in_bfloat16(tiny_checkpoint):
    ddpm = DDPM.from_pretrained(str(tiny_checkpoint))
    ddpm.denoiser = use(ddpm.denoiser, "bfloat16")
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    mask = np.zeros((16, 16), np.uint8)
    mask[4:9, 5:12] = 255
    recipe = InpaintRecipe(checkpoint=str(tiny_checkpoint), num_steps=3)
    (found,) = ddpm.inpaint(recipe, Image.fromarray(picture), Image.fromarray(mask)).images()[:1]
    known = mask == 0
    assert np.array_equal(np.asarray(found)[known], picture[known])
    assert not np.array_equal(np.asarray(found)[~known], picture[~known])


def test_inversion_is_in_float32_whatever_the_denoiser_is_in(cosine):
    denoiser = UNetDenoiser(
        network(), cosine, "v_prediction", clip_range=None, precision="bfloat16"
    )
    x_0 = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    timesteps = make_timesteps(cosine, 5, "karras")
    *_, up = invert(denoiser, x_0, timesteps)
    *_, exact = invert(use(denoiser, "float32"), x_0, timesteps)
    assert torch.equal(up.x_t, exact.x_t)
