"""Noise that came through a camera's mosaic: found, told from others', and taken out."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from test_camera_noise import jpeg, noisy, psnr, scene, tensor

from ddpm_demo.pictures.compression import Compression, of_picture
from ddpm_demo.pipeline import DDPM
from ddpm_demo.restoration import blocks, fit, mosaic_search
from ddpm_demo.restoration.demosaicking import LARGE_STEPS, SEEN_SIGMA, STEPS, Samples
from ddpm_demo.restoration.mosaic import Mosaic
from ddpm_demo.tasks.denoise import DenoiseRecipe

MOSAICS = [Mosaic(row, column, smooth) for row in (0, 1) for column in (0, 1) for smooth in (0, 1)]


@pytest.fixture(scope="module")
def ddpm():
    return DDPM.from_pretrained("photos")


def filled(picture, mosaic, sigma=20.0, seed=6):
    """A noisy picture [H, W, 3] through the mosaic, uint8."""
    noise = sigma * np.random.default_rng(seed).standard_normal(picture.shape)
    x = torch.from_numpy(picture + noise).permute(2, 0, 1)[None]
    values = mosaic.filled(mosaic.mask(x) * x)[0].permute(1, 2, 0).numpy()
    return values.round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("mosaic", MOSAICS, ids=str)
def test_a_plain_colour_stays_and_the_adjoint_is_one(mosaic):
    plain = (
        torch.tensor([0.2, -0.5, 0.7], dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 9, 10)
    )
    assert torch.allclose(mosaic.filled(mosaic.mask(plain) * plain), plain)
    x, y = (
        torch.randn(1, 3, 9, 10, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
        for i in (1, 2)
    )
    assert torch.isclose((mosaic.filled(x) * y).sum(), (x * mosaic.filled_T(y)).sum())


def test_each_place_has_one_colour_and_every_second_is_green():
    mask = Mosaic(1, 0).mask(torch.zeros(1, 3, 6, 8))
    assert mask.sum(1).eq(1).all()
    assert mask.sum((0, 2, 3)).tolist() == [12, 24, 12]
    assert mask[0, 0, 1, 0] == 1 and mask[0, 2, 0, 1] == 1


def test_an_independent_filling_is_the_same():
    """Samples of green as they are, the others means of their two or four neighbours."""
    picture = np.random.default_rng(3).uniform(0, 255, (8, 10, 3))
    seen = filled(picture, Mosaic(0, 0), sigma=0)
    for row in range(2, 6):
        for column in range(2, 8):
            across = [(row, column - 1), (row, column + 1)]
            down = [(row - 1, column), (row + 1, column)]
            corners = [(row + i, column + j) for i in (-1, 1) for j in (-1, 1)]
            here = [(row, column)]
            red, green, blue = {
                (0, 0): (here, across + down, corners),
                (0, 1): (across, here, down),
                (1, 0): (down, here, across),
                (1, 1): (corners, across + down, here),
            }[row % 2, column % 2]
            want = [mean(picture, places, c) for c, places in enumerate((red, green, blue))]
            assert np.abs(seen[row, column] - np.array(want)).max() <= 0.501


def mean(picture, places, channel):
    return np.mean([picture[place][channel] for place in places])


@pytest.mark.parametrize("quality", [None, 95, 90])
@pytest.mark.parametrize("mosaic", MOSAICS, ids=str)
def test_it_is_found_with_its_level(mosaic, quality):
    pixels = filled(scene(256, 256, 4), mosaic)
    image = Image.fromarray(pixels) if quality is None else jpeg(Image.fromarray(pixels), quality)
    found = mosaic_search.find([tensor(np.asarray(image))], of_picture(image))
    assert found is not None and found.mosaic == mosaic
    assert found.sigma * 127.5 == pytest.approx(20, rel=0.15)


def others():
    clean = scene(256, 256, 4)
    white = noisy(clean, 20)
    blurred = torch.nn.functional.avg_pool2d(tensor(noisy(clean, 36)), 3, 1, 1)
    yield "white", white
    yield "smoothed", ((blurred + 1) * 127.5)[0].permute(1, 2, 0).numpy().astype(np.uint8)
    half = Image.fromarray(white).resize((192, 192), Image.Resampling.BICUBIC)
    yield "reduced", np.asarray(half)
    whole = Image.fromarray(filled(clean, Mosaic(0, 0)))
    yield "mosaic, reduced", np.asarray(whole.resize((200, 200), Image.Resampling.BICUBIC))
    yield "clean", clean.astype(np.uint8)
    yield "clean, filled", filled(clean, Mosaic(0, 0), sigma=0)
    yield "plain", np.full((256, 256, 3), 128, np.uint8)
    yield (
        "checks",
        np.kron(np.indices((64, 64)).sum(0) % 2 * 200, np.ones((4, 4)))[..., None]
        .repeat(3, 2)
        .astype(np.uint8),
    )
    yield "lines", (np.indices((256, 256))[0] % 2 * 90)[..., None].repeat(3, 2).astype(np.uint8)


@pytest.mark.parametrize("quality", [None, 95, 80, 60])
def test_other_noise_and_none_are_not_taken_for_it(quality):
    for name, pixels in others():
        image = Image.fromarray(pixels)
        image = image if quality is None else jpeg(image, quality)
        assert mosaic_search.find([tensor(np.asarray(image))], of_picture(image)) is None, name


@pytest.mark.parametrize("quality", range(1, 61, 6))
def test_strong_compression_is_no_error(quality):
    """Of weak noise it leaves nothing at all, in the simulation, too."""
    for sigma in (5, 20, 60):
        pixels = filled(scene(128, 128, 4), Mosaic(0, 0), sigma)
        image = jpeg(Image.fromarray(pixels), quality)
        found = mosaic_search.find([tensor(np.asarray(image))], of_picture(image))
        assert found is None or found.mosaic == Mosaic(0, 0)


def test_a_header_with_coarser_steps_than_8_bits_have_is_no_error(capfd):
    how = Compression(((300,) * 64,) * 3, 2, 2)
    pixels = filled(scene(128, 128, 4), Mosaic(0, 0))
    assert mosaic_search.find([tensor(pixels)], how) is None
    assert capfd.readouterr() == ("", "")


def test_the_samples_are_those_of_the_dense_system():
    """Against the same normal equations written out and solved (float64)."""
    mosaic, generator = Mosaic(0, 1, True), torch.Generator().manual_seed(0)
    y, estimate = (
        torch.rand(1, 3, 6, 6, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    sigma, rho = 0.15, 0.3
    samples = Samples(y, mosaic, sigma)
    for _ in range(40):
        x = samples.moved(estimate, rho)
    units = torch.eye(108, dtype=torch.float64).view(108, 3, 6, 6)
    mask = mosaic.mask(y)
    luma = units.new_tensor([0.299, 0.587, 0.114])
    blue = (units.new_tensor([0, 0, 1]) - luma) / 1.772
    red = (units.new_tensor([1, 0, 0]) - luma) / 1.402

    def believed(x):
        planes = [
            torch.einsum("c,bchw->bhw", weights, x)[:, None] for weights in (luma, blue, red)
        ]
        halves = [torch.nn.functional.avg_pool2d(plane, 2) for plane in planes[1:]]
        return torch.cat([part.flatten(1) for part in (planes[0], *halves)], 1)

    known = sigma**2 + rho**2
    matrix = believed(mosaic.filled(mask * units)).T / SEEN_SIGMA
    system = matrix.T @ matrix + torch.eye(108, dtype=torch.float64) / known
    right = matrix.T @ believed(y)[0] / SEEN_SIGMA + (mask * estimate).flatten() / known
    r = torch.linalg.solve(system, right).view(1, 3, 6, 6)
    want = estimate + rho**2 / known * mask * (r - estimate)
    assert torch.allclose(x, want, atol=1e-4)


@pytest.mark.parametrize("quality", [None, 90])
@pytest.mark.parametrize("smooth", [False, True])
def test_a_noisy_picture_gains(ddpm, quality, smooth):
    clean = scene(192, 160, 5)
    image = Image.fromarray(filled(clean, Mosaic(1, 0, smooth)))
    image = image if quality is None else jpeg(image, quality)
    run = ddpm.denoise(DenoiseRecipe(checkpoint="photos"), image)
    (result,) = run.images()
    white = ddpm.denoise(DenoiseRecipe(checkpoint="photos", sigma_255=12.0), image)
    assert run.last.num_evaluations == STEPS
    assert psnr(result, clean) > psnr(image, clean) + 3
    assert psnr(result, clean) > psnr(white.images()[0], clean) + 1.5


def test_samples_of_the_posterior_and_a_given_level_go_the_other_way(ddpm):
    image = Image.fromarray(filled(scene(96, 80, 5), Mosaic(0, 0)))
    given = ddpm.denoise(DenoiseRecipe(checkpoint="photos", sigma_255=12.0), image)
    given.images()
    assert given.last.num_evaluations == 2
    sharp = ddpm.denoise(DenoiseRecipe(checkpoint="photos", perception=1.0, num_steps=3), image)
    sharp.images()
    assert sharp.last.num_evaluations == 3


def test_blocks_begin_where_the_mosaic_does(ddpm, monkeypatch):
    """As good in several as in one, but for a last one that is too narrow for the network."""
    clean, results = scene(201, 151, 5), []
    image = Image.fromarray(filled(clean, Mosaic(0, 1)))
    monkeypatch.setattr(fit, "WHOLE_PIXELS", 10_000)
    for most in (blocks.MAX_BLOCK_PX, 120):
        monkeypatch.setattr(blocks, "MAX_BLOCK_PX", most)
        run = ddpm.denoise(DenoiseRecipe(checkpoint="photos"), image)
        assert run.fit.is_large
        results.append(psnr(np.asarray(run.images()[0])[:, :160], clean[:, :160]))
    assert run.last.num_steps > LARGE_STEPS
    assert results[1] > results[0] - 0.2 and results[1] > psnr(image, clean) + 4


def test_a_file_of_it_keeps_everything_else(ddpm, tmp_path):
    image = filled(scene(96, 80, 5), Mosaic(0, 0))
    file = io.BytesIO()
    alpha = np.full((80, 96, 1), 255, np.uint8)
    alpha[:20] = 0
    Image.fromarray(np.concatenate([image, alpha], -1)).save(file, "PNG")
    run = ddpm.denoise(DenoiseRecipe(checkpoint="photos"), Image.open(file))
    (result,) = run.images()
    assert result.mode == "RGBA" and result.size == (96, 80)
    assert np.array_equal(np.asarray(result)[..., 3], alpha[..., 0])
