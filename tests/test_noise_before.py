"""Noise that JPEG's compression has set to 0 in calm places, and what must not be taken for it."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from ddpm_demo.errors import UserError
from ddpm_demo.pictures import compression, decode
from ddpm_demo.pictures.icc import matrix_profile
from ddpm_demo.pipeline import DDPM
from ddpm_demo.restoration import noise_before, noise_model, quantised
from ddpm_demo.tasks.denoise import DenoiseRecipe

LEVELS = 127.5
LUMA = np.array([0.299, 0.587, 0.114])
P3 = matrix_profile(((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), name="Display P3 like")


@pytest.fixture(scope="module")
def ddpm():
    return DDPM.from_pretrained("photos")


def scene(width=256, height=192, steepness=1.35, seed=3):
    """A texture like a photograph's beside a calm part, float [H, W, 3]."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / max(width, height)) ** steepness
    base = np.fft.irfft2(
        amplitude * np.fft.rfft2(rng.standard_normal((height, width))), s=(height, width)
    )
    base = (base - base.mean()) / base.std()
    picture = np.stack([120 + 28 * base, 115 + 26 * base, 105 + 20 * base], -1)
    picture[:, : width // 3] = (200, 60, 50)
    return picture.round().clip(0, 255)


def jpeg(picture, quality, subsampling=2, sigma=0.0):
    noise = sigma * np.random.default_rng(6).standard_normal(picture.shape)
    file = io.BytesIO()
    pixels = (picture + noise).round().clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(io.BytesIO(file.getvalue()))


def tensor(image):
    values = torch.from_numpy(np.asarray(image, dtype=np.float32)) / LEVELS - 1
    return values[None, None] if values.ndim == 2 else values.permute(2, 0, 1)[None]


def floor(image):
    return of_parts([tensor(image)], compression.of_picture(image))


def of_parts(parts, how):
    return noise_before.floor(parts, quantised.look(parts, how))


def psnr(a, b):
    error = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    return 10 * np.log10(255**2 / max(np.square(error).mean(), 1e-6))


@pytest.mark.parametrize("quality, sigma", [(60, 12), (60, 30), (75, 10), (75, 20), (95, 10)])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_the_level_before_compression_is_found(quality, sigma, subsampling):
    found = floor(jpeg(scene(), quality, subsampling, sigma))
    assert found.is_noise and not found.is_texture
    true = sigma * np.square(LUMA).sum() ** 0.5
    assert found.sigma_255 == pytest.approx(true, rel=0.15)


@pytest.mark.parametrize("grey", [False, True])
def test_of_another_profile_it_is_looked_for_in_the_files_own_colours(grey, tmp_path):
    file = tmp_path / "phone.jpg"
    with jpeg(scene(), 70, sigma=20) as noisy:
        again = noisy.convert("L") if grey else noisy
        again.save(file, "JPEG", quality=70, icc_profile=P3)
    photograph = decode.read(file)
    how = photograph.compression
    assert how.profile == P3 and photograph.colour is not photograph.own
    found = of_parts([tensor(photograph.colour)], how)
    own = of_parts([tensor(photograph.own)], dataclasses.replace(how, profile=None))
    assert found.is_noise == own.is_noise
    assert found.sigma_255 == pytest.approx(own.sigma_255, rel=0.05)
    # Artefacts are intervals of the file's own pixels, which these are not.
    with pytest.raises(UserError, match="in sRGB"):
        DDPM.from_pretrained("photos").run(
            DenoiseRecipe(checkpoint="photos", artefacts=True), image=photograph.image
        )


@pytest.mark.parametrize("quality", [60, 75, 95])
def test_texture_is_not_taken_for_noise(quality):
    for steepness in (0.6, 1.0, 1.35):
        assert not floor(jpeg(scene(steepness=steepness), quality)).is_noise


def test_a_picture_of_few_blocks_or_of_white_says_nothing():
    assert floor(jpeg(scene(24, 24), 75, sigma=20)) is None
    page = np.full((128, 128, 3), 255.0)
    page[60:70, 10:100] = 0
    assert floor(jpeg(page, 75)) is None


def test_weak_noise_under_strong_compression_goes(ddpm):
    truth = scene()
    image = jpeg(truth, 70, sigma=12)
    run = ddpm.denoise(DenoiseRecipe(checkpoint="photos"), image)
    assert psnr(run.images()[0], truth) > psnr(image, truth) + 2.5
    assert 6 < run.metrics["sigma_255"] < 14


def test_text_on_grey_is_no_noise(ddpm):
    page = Image.new("L", (256, 192), 230)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for line in range(13):
        words = "The quick brown fox jumps over the lazy dog 0123456789"[line:]
        draw.text((4, 3 + 14 * line), words, fill=30, font=font)
    image = jpeg(np.asarray(page.convert("RGB"), dtype=float), 75)
    result = ddpm.denoise(DenoiseRecipe(checkpoint="photos"), image).images()[0]
    assert psnr(result.convert("RGB"), image) >= 50


def test_grey_jpegs_go_the_same_way(ddpm):
    truth = scene()[..., 0]
    image = jpeg(truth, 70, 0, sigma=10)
    result = ddpm.denoise(DenoiseRecipe(checkpoint="photos"), image).images()[0]
    assert result.mode == "L" and psnr(result, truth) > psnr(image, truth) + 2


def test_the_model_is_white_in_brightness():
    image = jpeg(scene(), 75, sigma=20)
    parts, white = [tensor(image)], floor(image)
    assert white.is_noise and not white.is_correlated
    found = noise_before.model(parts, dataclasses.replace(white, sigma_255=13.0))
    level = 3**0.5 * 13 / LEVELS
    assert torch.allclose(found.power[0], torch.full((8, 8), level**2))
    assert found.filled_to == pytest.approx(noise_before.OF_BRIGHTNESS * level)
    assert noise_before.model([torch.zeros(1, 3, 8, 8)], white) is None


def test_noise_that_a_model_has_already_is_left_to_it():
    found = floor(jpeg(scene(), 95, 0, sigma=20))
    assert found.agrees(noise_model.NoiseModel.white(20 / LEVELS, 3))
    assert not found.agrees(noise_model.NoiseModel.white(10 / LEVELS, 3))
    image = jpeg(scene(), 75, sigma=20)
    assert not found.agrees(noise_before.model([tensor(image)], floor(image)))


def test_a_floor_is_judged_by_its_evenness_and_its_spectrum():
    nothing = torch.zeros(0)
    noise = noise_before.Floor(8.0, 1.1, 0.6, 1.0, nothing, nothing, nothing)
    assert noise.is_noise and not noise.is_texture
    for change in ({"sigma_255": 2.0}, {"flatness": 0.5}, {"rise": 3.0}, {"share": 0.1}):
        assert not dataclasses.replace(noise, **change).is_noise
    assert dataclasses.replace(noise, share=0.1).is_texture
    correlated = dataclasses.replace(noise, flatness=0.5)
    assert correlated.is_correlated and not noise.is_correlated
    for change in ({"sigma_255": 2.0}, {"flatness": None}, {"rise": 1.16}, {"share": 0.25}):
        assert not dataclasses.replace(correlated, **change).is_correlated


def alike(picture, sigma, seed=6):
    """The picture with noise whose neighbours are alike: means of 3 x 3, of deviation sigma."""
    noise = np.random.default_rng(seed).standard_normal(picture.shape)
    sums = sum(np.roll(noise, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1))
    return picture + sigma / 3 * sums


@pytest.mark.parametrize("quality", [70, 75, 80])
def test_noise_with_neighbours_alike_is_found_under_compression(ddpm, quality):
    truth = scene()
    image = jpeg(alike(truth, 12), quality)
    found = floor(image)
    assert found.is_correlated and not found.is_noise
    power = noise_before.model([tensor(image)], found).power[0] * LEVELS**2 / 3
    # What the means have left of white noise at low and at high frequencies.
    true = 12 * np.square(LUMA).sum() ** 0.5
    low, high = float(power[1:3, 1:3].mean()) ** 0.5, float(power[5:, 5:].mean()) ** 0.5
    assert 1.4 * true < low < 3 * true and high < true
    result = ddpm.denoise(DenoiseRecipe(checkpoint="photos"), image).images()[0]
    assert psnr(result, truth) > psnr(image, truth) + 2


@pytest.mark.parametrize("quality", [60, 75, 92])
def test_texture_is_not_taken_for_noise_with_neighbours_alike(quality):
    for steepness in (0.6, 1.0, 1.35):
        assert not floor(jpeg(scene(steepness=steepness), quality)).is_correlated
