"""Noise of cameras and compression, pictures without any, and grey ones in colour files."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.pipeline import DDPM
from ddpm_demo.restoration import denoising, greyness, noise_estimate, noise_model
from ddpm_demo.restoration.drawn import NOTHING, is_drawn
from ddpm_demo.restoration.noise_model import NoiseModel
from ddpm_demo.restoration.saturation import unclip
from ddpm_demo.tasks.denoise import DenoiseRecipe
from ddpm_demo.tasks.inpaint import InpaintRecipe
from ddpm_demo.tasks.upscale import UpscaleRecipe

LEVELS = 127.5


def denoised(ddpm, image, **values):
    return ddpm.denoise(DenoiseRecipe(checkpoint="photos", **values), image).images()[0]


@pytest.fixture(scope="module")
def ddpm():
    return DDPM.from_pretrained("photos")


def scene(width, height, seed):
    """A texture like a photograph's with one hard edge, float [H, W, 3]."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / max(width, height)) ** 1.35
    base = np.fft.irfft2(
        amplitude * np.fft.rfft2(rng.standard_normal((height, width))), s=(height, width)
    )
    base = (base - base.mean()) / base.std()
    picture = np.stack([120 + 28 * base, 115 + 26 * base, 105 + 20 * base], -1)
    picture[height // 2 :, width // 2 :] = (200, 60, 50)
    return picture.round().clip(0, 255)


def noisy(picture, sigma, seed=6):
    noise = sigma * np.random.default_rng(seed).standard_normal(picture.shape)
    return (picture + noise).round().clip(0, 255).astype(np.uint8)


def jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue()))


def tensor(pixels):
    values = torch.from_numpy(np.asarray(pixels, dtype=np.float32)) / LEVELS - 1
    return values[None, None] if values.ndim == 2 else values.permute(2, 0, 1)[None]


def psnr(a, b):
    error = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    return 10 * np.log10(255**2 / max(np.square(error).mean(), 1e-6))


def page(mode="L"):
    image = Image.new("L", (160, 96), 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(12)
    for i in range(6):
        words = "The quick brown fox jumps over the lazy dog"[3 * i :]
        draw.text((6, 4 + 16 * i), words, fill=0, font=font)
    return image.convert(mode)


def dot():
    pixels = np.full((32, 32, 3), 255, np.uint8)
    pixels[16, 16] = 0
    return Image.fromarray(pixels)


def pixel_art():
    levels = np.random.default_rng(0).integers(0, 6, (16, 16, 3)) * 51
    return Image.fromarray(np.kron(levels, np.ones((4, 4, 1))).astype(np.uint8))


def line_art():
    image = Image.new("L", (96, 96), 255)
    draw = ImageDraw.Draw(image)
    for i in range(0, 96, 8):
        draw.line([(0, i), (95, 95 - i)], fill=0)
    return image


DRAWN = {
    "page": page(),
    "page_rgb": page("RGB"),
    "dot": dot(),
    "pixel art": pixel_art(),
    "line art": line_art(),
}


@pytest.mark.parametrize("name", DRAWN)
def test_what_was_drawn_comes_back_as_it_is(ddpm, name):
    image = DRAWN[name]
    result = denoised(ddpm, image)
    assert psnr(result.convert(image.mode), image) >= 50


@pytest.mark.parametrize("name", ["page", "page_rgb", "dot"])
def test_white_stays_white_where_a_level_is_given(ddpm, name):
    image = DRAWN[name]
    result = denoised(ddpm, image, sigma_255=0.5)
    assert psnr(result.convert(image.mode), image) >= 50


def test_what_was_cut_off_lay_beyond():
    y = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 3 - 1.5
    y = y.clamp(-1, 1)
    for sigma in (0.004, 0.1, 1.0):
        z = unclip(y, sigma)
        assert bool((z[y == 1] >= 1).all()) and bool((z[y == -1] <= -1).all())


def test_noise_of_low_level_is_not_taken_for_a_drawing():
    flat = np.full((64, 64), 100.0)
    assert not is_drawn([tensor(noisy(flat, 2))])
    bright = np.full((64, 64), 250.0)
    assert not is_drawn([tensor(noisy(bright, 10))])


def test_grey_in_disguise_is_as_good_as_grey(ddpm):
    truth = scene(160, 112, 3)[..., 0]
    image = Image.fromarray(noisy(truth, 20))
    plain = denoised(ddpm, image)
    assert psnr(plain, truth) > psnr(image, truth) + 5
    for disguise in (image.convert("RGB"), image.convert("LA")):
        result = denoised(ddpm, disguise)
        assert np.array_equal(np.asarray(result.convert("L")), np.asarray(plain))
    result = denoised(ddpm, jpeg(image.convert("RGB"), 95)).convert("RGB")
    assert psnr(np.asarray(result)[..., 0], truth) > psnr(plain, truth) - 0.5
    assert np.ptp(np.asarray(result).astype(int), axis=-1).max() == 0


def test_sepia_stays_on_its_line(ddpm):
    truth = 0.6 * scene(96, 96, 3)[..., 0]
    slope, offset = np.array([1.1, 0.95, 0.75]), np.array([20, 10, 5])
    grey = noisy(truth, 15).astype(float)[..., None]
    sepia = Image.fromarray((offset + slope * grey).round().clip(0, 255).astype(np.uint8))
    assert greyness.tone(tensor(sepia)) is not None
    result = np.asarray(denoised(ddpm, sepia)).astype(float)
    right = offset + slope * truth[..., None]
    assert psnr(result, right) > psnr(sepia, right) + 4
    found = greyness.tone(tensor(result))
    assert found is not None and not found.is_grey


@pytest.mark.parametrize(
    "colour", [(230, 240, 255), (255, 255, 200), (255, 0, 0), (0, 0, 130), (255, 235, 235)]
)
def test_a_patch_of_colour_beside_text_is_no_tone(ddpm, colour):
    """Also where one of its channels is at the end of its range."""
    image = page("RGB")
    ImageDraw.Draw(image).rectangle((120, 60, 150, 90), fill=colour)
    assert greyness.tone(tensor(image)) is None
    result = denoised(ddpm, image)
    assert result.mode == "RGB" and np.array_equal(np.asarray(result), np.asarray(image))


def test_a_tone_that_was_cut_off_is_one():
    brightness = np.linspace(-60, 330, 96)[None, :, None].repeat(64, 0)
    for slope in ((1, 1, 1), (1.1, 1.0, 0.8)):
        pixels = (brightness * slope + (8, 0, -12)).round().clip(0, 255).astype(np.uint8)
        assert greyness.tone(tensor(pixels)) is not None
    assert greyness.tone(tensor(page("RGB"))).is_grey


def test_colours_are_no_tone():
    assert greyness.tone(tensor(scene(64, 64, 1))) is None


@pytest.mark.parametrize("quality", [95, 85])
def test_noise_under_compression_is_found_and_removed(ddpm, quality):
    clean = scene(128, 96, 11)
    image = jpeg(Image.fromarray(noisy(clean, 20)), quality)
    run = ddpm.denoise(DenoiseRecipe(checkpoint="photos"), image)
    for _ in run:
        pass
    assert psnr(run.pictures(run.last)[0], clean) > psnr(image, clean) + 3
    assert run.beside()["removed"].size == image.size
    assert run.metrics["sigma_255"] > 5


def test_whitened_noise_is_white():
    power = torch.full((3, 8, 8), 0.01)
    power[1:, 3:] = 0.0
    model, generator = NoiseModel(power, False), torch.Generator().manual_seed(0)
    side = 128 + 2 * noise_model.FILTER_MARGIN_PX
    draw = torch.randn(1, 3, side, side, generator=generator)
    own = noise_model.filtered(draw, model.grid().sqrt())
    z = own + denoising.filling(model, 0.1, NoiseSource([1]), (3, 128, 128))
    spectrum = torch.fft.fft2(z).abs().square()[0] / 128**2
    bands = torch.nn.functional.avg_pool2d(spectrum[None], 32)[0]
    assert float((bands / 0.01 - 1).abs().max()) < 0.25


def test_the_amount_blends_with_what_was_given(ddpm):
    image = Image.fromarray(noisy(scene(64, 64, 2), 20))
    given, whole, half = (
        np.asarray(picture).astype(float)
        for picture in (
            image,
            *(denoised(ddpm, image, sigma_255=20, amount=a) for a in (1.0, 0.5)),
        )
    )
    assert np.abs(half - (given + whole) / 2).max() <= 1
    same = denoised(ddpm, image, sigma_255=20, amount=0.0)
    assert np.array_equal(np.asarray(same), np.asarray(image))


def toned(width, height, kind):
    """A picture of one tone stored in colours, and how far its pixels are off the tone at most."""
    grey = noisy(scene(width, height, 3)[..., 0] * 0.6, 3).astype(float)[..., None]
    if kind == "grey":
        return np.repeat(grey, 3, -1).astype(np.uint8)
    offset, slope = np.array([20, 10, 5]), np.array([1.1, 0.95, 0.75])
    return (offset + slope * grey).round().clip(0, 255).astype(np.uint8)


def off_tone(pixels, kind):
    """By how many levels pixels are off the line of `toned`, at most."""
    values = pixels.astype(float)
    if kind == "grey":
        return np.ptp(values, axis=-1).max()
    grey = (values - [20, 10, 5]) / [1.1, 0.95, 0.75]
    return np.ptp(grey, axis=-1).max()


@pytest.mark.parametrize("kind", ["grey", "sepia"])
@pytest.mark.parametrize("size", [(64, 48), (150, 120)])
def test_a_filling_has_the_tone_of_the_picture(ddpm, kind, size):
    """Whole, and cut out; what lies under the mask says nothing."""
    pixels = toned(*size, kind)
    hole = np.zeros(pixels.shape[:2], np.uint8)
    hole[10:30, 12:36] = 255
    pixels[hole > 0] = (255, 0, 0)
    recipe = InpaintRecipe(checkpoint="photos", num_steps=2)
    run = ddpm.inpaint(recipe, Image.fromarray(pixels), Image.fromarray(hole))
    result = np.asarray(run.images()[0])
    assert np.array_equal(result[hole == 0], pixels[hole == 0])
    assert off_tone(result[hole > 0], kind) <= 1.5


@pytest.mark.parametrize("kind", ["grey", "sepia"])
def test_an_enlarged_picture_keeps_its_tone(ddpm, kind):
    recipe = UpscaleRecipe(checkpoint="photos", factor=2, num_steps=2)
    run = ddpm.upscale(recipe, Image.fromarray(toned(40, 32, kind)))
    assert off_tone(np.asarray(run.images()[0]), kind) <= 2.5
    assert run.metrics["consistency_255"] <= 1


def clean_photograph(seed):
    """Texture everywhere, none of it the same: what is calm here is not as calm there."""
    strength = np.linspace(0.05, 1, 256)[None, :, None]
    return (128 + strength * (scene(256, 160, seed) - 128)).round().astype(np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_clean_texture_is_not_noise(mode):
    image = Image.fromarray(clean_photograph(5)).convert(mode)
    assert noise_estimate.estimate([tensor(image)]).sigma < NOTHING


def test_parts_of_a_picture_say_what_the_picture_says():
    pixels = np.asarray(jpeg(Image.fromarray(noisy(scene(256, 192, 4), 20)), 85))
    whole = noise_estimate.estimate([tensor(pixels)])
    parts = noise_estimate.estimate([tensor(pixels[:, :128]), tensor(pixels[:, 128:])])
    assert not whole.is_white and not parts.is_white
    assert parts.sigma == pytest.approx(whole.sigma, rel=0.05)


def test_two_values_and_a_handful_of_pixels_are_no_noise(ddpm):
    dithered = Image.fromarray(scene(48, 40, 5).astype(np.uint8)).convert("1")
    tiny = Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3)).astype(np.uint8))
    for image in (dithered, tiny):
        result = denoised(ddpm, image).convert(image.mode)
        assert np.array_equal(np.asarray(result), np.asarray(image))


def resized(picture, factor=0.75):
    image = Image.fromarray(picture.astype(np.uint8))
    size = tuple(round(factor * side) for side in image.size)
    return image.resize(size, Image.Resampling.BICUBIC)


def test_noise_of_a_resized_picture_is_more_than_its_high_frequencies_say(ddpm, monkeypatch):
    """Bicubic: 20 becomes 12 in all, but 8 at the highest frequencies."""
    picture = scene(256, 256, 3)
    image, clean = resized(noisy(picture, 20)), resized(picture)
    found = noise_estimate.estimate([tensor(image)])
    assert not found.is_white and found.filled_to is not None
    assert 11 < LEVELS * found.sigma < 14
    power = found.power[0].sqrt() * LEVELS
    assert power[6:, 6:].mean() < 0.75 * power[:4, :4].mean()
    as_now = psnr(denoised(ddpm, image), clean)
    monkeypatch.setattr(noise_estimate, "_is_tilted", lambda power, white: False)
    assert noise_estimate.estimate([tensor(image)]).is_white
    assert as_now > psnr(denoised(ddpm, image), clean) + 0.15


@pytest.mark.parametrize("sigma", [5, 10, 20, 40])
def test_white_noise_is_not_taken_for_that_of_a_resized_picture(sigma):
    for seed in range(3):
        found = noise_estimate.estimate([tensor(noisy(scene(192, 192, seed), sigma, seed))])
        assert found.is_white and LEVELS * found.sigma == pytest.approx(sigma, rel=0.08)
