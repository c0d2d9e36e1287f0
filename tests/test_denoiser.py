"""The denoiser hides the network's parametrisation, size, channels and memory format."""

import pytest
import torch
from diffusers import UNet2DModel

from ddpm_demo.core.denoiser import TiledDenoiser, UNetDenoiser, pad_to_multiple, tile_starts
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.errors import UserError


def make_unet(channels=3, out_channels=None):
    torch.manual_seed(0)
    return UNet2DModel(
        sample_size=16,
        in_channels=channels,
        out_channels=out_channels or channels,
        block_out_channels=(8, 8, 8),
        down_block_types=("DownBlock2D",) * 3,
        up_block_types=("UpBlock2D",) * 3,
        layers_per_block=1,
        norm_num_groups=4,
        add_attention=False,
    ).eval()


def noise(*shape, seed=0):
    return NoiseSource.for_run(seed, shape[0]).randn(shape[1:])


@torch.inference_mode()
def raw(unet, x_t, t):
    return unet(x_t, t).sample


@pytest.mark.parametrize("prediction_type", ["epsilon", "sample", "v_prediction"])
def test_the_parametrisation_is_turned_into_x0_and_eps(schedule, prediction_type):
    unet = make_unet()
    denoiser = UNetDenoiser(unet, schedule, prediction_type, clip_range=None)
    x_t, t = noise(2, 3, 16, 16), 300
    prediction = denoiser.predict(x_t, t)
    output = raw(unet, x_t, t)
    expected = {
        "epsilon": lambda: schedule.x0_from_eps(x_t, output, t),
        "sample": lambda: output,
        "v_prediction": lambda: schedule.x0_from_v(x_t, output, t),
    }[prediction_type]()
    assert torch.allclose(prediction.x0, expected, atol=1e-5)
    assert torch.allclose(schedule.q_sample(prediction.x0, t, prediction.eps), x_t, atol=1e-5)


def test_eps_follows_from_the_clipped_x0(schedule):
    denoiser = UNetDenoiser(make_unet(), schedule, "epsilon", clip_range=0.1)
    x_t = noise(1, 3, 16, 16)
    prediction = denoiser.predict(x_t, 800)
    assert prediction.x0.abs().max() == pytest.approx(0.1)
    assert torch.allclose(schedule.q_sample(prediction.x0, 800, prediction.eps), x_t, atol=1e-5)


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (5, 7), (1, 1), (3, 64)])
def test_any_size(schedule, size):
    denoiser = UNetDenoiser(make_unet(), schedule)
    x_t = noise(1, 3, *size)
    prediction = denoiser.predict(x_t, 100)
    assert prediction.x0.shape == x_t.shape
    assert torch.isfinite(prediction.x0).all()


def test_a_multiple_is_not_padded_and_padding_reflects():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    assert pad_to_multiple(x, 1) is x
    padded = pad_to_multiple(x, 4)
    assert padded.shape == (1, 1, 4, 4)
    assert torch.equal(padded[..., 3, :], x[..., 1, :])


def test_a_batch_in_slices_gives_the_same(schedule):
    whole = UNetDenoiser(make_unet(), schedule)
    sliced = UNetDenoiser(make_unet(), schedule, max_batch_pixels=2 * 16 * 16)
    x_t = noise(5, 3, 16, 16)
    assert torch.allclose(whole.predict(x_t, 50).x0, sliced.predict(x_t, 50).x0, atol=1e-5)


def test_colour_through_a_grey_network_goes_channel_by_channel(schedule):
    denoiser = UNetDenoiser(make_unet(1), schedule)
    x_t = noise(2, 3, 16, 16)
    together = denoiser.predict(x_t, 10).x0
    for c in range(3):
        assert torch.allclose(
            together[:, c : c + 1], denoiser.predict(x_t[:, c : c + 1], 10).x0, atol=1e-5
        )


def test_grey_through_a_colour_network_is_the_mean(schedule):
    denoiser = UNetDenoiser(make_unet(3), schedule, "sample", clip_range=None)
    x_t = noise(2, 1, 16, 16)
    expected = denoiser.predict(x_t.expand(-1, 3, -1, -1), 10).x0.mean(1, keepdim=True)
    assert torch.allclose(denoiser.predict(x_t, 10).x0, expected, atol=1e-5)


def test_a_learned_variance_is_left_aside(schedule):
    denoiser = UNetDenoiser(make_unet(3, out_channels=6), schedule)
    assert denoiser.predict(noise(1, 3, 16, 16), 10).x0.shape == (1, 3, 16, 16)


def test_wrong_channels_and_unknown_prediction_types_give_a_sentence(schedule):
    denoiser = UNetDenoiser(make_unet(3), schedule)
    with pytest.raises(UserError, match="channels"):
        denoiser.predict(noise(1, 2, 16, 16), 10)
    with pytest.raises(UserError, match="prediction type"):
        UNetDenoiser(make_unet(), schedule, "score")


@pytest.mark.parametrize(
    ("length", "tile", "overlap"), [(64, 64, 8), (10, 64, 8), (100, 32, 8), (257, 64, 16)]
)
def test_tiles_cover_everything_and_overlap(length, tile, overlap):
    starts = tile_starts(length, tile, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(0, length - tile)
    assert all(b - a <= tile - overlap for a, b in zip(starts, starts[1:], strict=False))


@pytest.mark.parametrize("size", [(40, 70), (16, 16), (9, 33)])
def test_tiles_of_a_pointwise_denoiser_leave_no_seam(schedule, size):
    exact = GaussianDenoiser(schedule, 0.2, 0.3)
    tiled = TiledDenoiser(exact, tile_px=16, overlap_px=6)
    x_t = noise(2, 3, *size)
    assert torch.allclose(tiled.predict(x_t, 400).x0, exact.predict(x_t, 400).x0, atol=1e-6)
    with pytest.raises(UserError, match="Tiles"):
        TiledDenoiser(exact, tile_px=16, overlap_px=16)
