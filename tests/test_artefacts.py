"""What a JPEG's compression did: known from its header, as noise, and as intervals."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ddpm_demo import DDPM, DenoiseRecipe, UserError
from ddpm_demo.pictures import compression, decode, encode
from ddpm_demo.restoration import artefacts
from ddpm_demo.restoration.artefacts import TO_RGB, within_intervals
from ddpm_demo.restoration.spectrum import to_frequencies

LEVELS = 127.5


def scene(width=96, height=80, seed=3):
    """A texture like a photograph's with one hard edge, uint8."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / max(width, height)) ** 1.6
    base = np.fft.irfft2(
        amplitude * np.fft.rfft2(rng.standard_normal((height, width))), s=(height, width)
    )
    base = (base - base.mean()) / base.std()
    picture = np.stack([120 + 40 * base, 115 + 36 * base, 105 + 30 * base], -1)
    picture[height // 2 :, width // 2 :] = (190, 70, 60)
    return picture.round().clip(0, 255).astype(np.uint8)


def jpeg(pixels, quality, subsampling=2, **options):
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    image.save(file, "JPEG", quality=quality, subsampling=subsampling, **options)
    return file.getvalue()


def tensor(pixels):
    values = torch.from_numpy(np.asarray(pixels, dtype=np.float32)) / LEVELS - 1
    return values[None, None] if values.ndim == 2 else values.permute(2, 0, 1)[None]


def psnr(a, b):
    error = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    return 10 * np.log10(255**2 / max(np.square(error).mean(), 1e-6))


def luma_coefficients(x):
    planes = torch.einsum("c,bchw->bhw", torch.linalg.inv(TO_RGB)[0], x.double() * LEVELS)
    blocks = planes.unfold(1, 8, 8).unfold(2, 8, 8).reshape(-1, 1, 8, 8)
    return to_frequencies(blocks)[:, 0]


@pytest.mark.parametrize("subsampling, across, down", [(0, 1, 1), (1, 2, 1), (2, 2, 2)])
def test_the_header_says_how_a_picture_was_compressed(subsampling, across, down):
    content = jpeg(scene(), 50, subsampling)
    found = decode.read(content).compression
    assert (found.across, found.down) == (across, down) and len(found.tables) == 3
    assert found.tables[0][:4] == (16, 11, 10, 16)  # ITU-T T.81, table K.1
    assert compression.of_picture(decode.read(content).image) == found
    assert compression.of_picture(Image.open(io.BytesIO(content))) == found
    grey = decode.read(jpeg(scene()[..., 0], 50, 0))
    assert len(grey.compression.tables) == 1


def test_a_picture_that_is_not_the_files_own_knows_nothing():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode.read(jpeg(scene(90, 80), 50, exif=exif.tobytes()))
    image = decode.read(jpeg(scene(), 50)).image
    file = io.BytesIO()
    image.save(file, "PNG")
    others = (turned.image, image.crop((1, 1, 60, 60)), decode.read(file.getvalue()).image)
    assert [compression.of_picture(other) for other in others] == [None] * 3


@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_a_picture_turned_by_its_camera_keeps_its_blocks(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = jpeg(scene(), 50, subsampling=1, exif=exif.tobytes())
    photo = decode.read(content)
    found = photo.compression
    assert found == compression.of_picture(Image.open(io.BytesIO(content)))
    assert (found.across, found.down) == ((2, 1) if orientation == 3 else (1, 2))
    steps = torch.tensor(found.tables[0], dtype=torch.float64).view(8, 8)
    multiples = luma_coefficients(tensor(photo.colour) - tensor(np.uint8([[[128] * 3]]))) / steps
    assert float((multiples - multiples.round()).abs().mean()) < 0.05


@pytest.mark.parametrize("subsampling", [0, 2])
def test_the_error_of_compression_is_estimated(subsampling):
    clean = scene(256, 192)
    photograph = decode.read(jpeg(clean, 40, subsampling))
    y = tensor(photograph.colour)
    found = artefacts.model([y], photograph.compression)
    error = to_frequencies((tensor(clean) - y).double())[0].square().mean((1, 2))
    power = found.power.double().mean((1, 2))
    assert float(power[0] / error[0]) == pytest.approx(1, abs=0.35)
    halves = [y[..., :128], y[..., 128:]]
    again = artefacts.model(halves, photograph.compression)
    assert torch.allclose(again.power, found.power, rtol=1e-4)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_coefficients_stay_in_their_intervals(subsampling):
    photograph = decode.read(jpeg(scene(92, 75), 40, subsampling))
    y, how = tensor(photograph.colour), photograph.compression
    generator = torch.Generator().manual_seed(0)
    x = y + 0.3 * torch.randn(2, *y.shape[1:], generator=generator)
    moved = within_intervals(x, y, how)
    steps = torch.tensor(how.tables[0]).view(8, 8)
    inside = (slice(None), slice(None), slice(72), slice(88))
    off, before = (luma_coefficients((z - y)[inside]).abs() - steps / 2 for z in (moved, x))
    assert float(off.max()) < 0.01 and float(before.max()) > 50
    near = y + 0.001 * torch.randn(y.shape, generator=generator)
    assert torch.allclose(within_intervals(near, y, how), near, atol=1e-5)
    grey = within_intervals(x[:, :1], y[:, :1], how)
    assert grey.shape == (2, 1, 75, 92)


@pytest.fixture(scope="module")
def ddpm():
    return DDPM.from_pretrained("photos", "cpu")


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_artefacts_are_removed_where_asked_for(ddpm, mode):
    clean = Image.fromarray(scene()).convert(mode)
    photograph = decode.read(jpeg(np.asarray(clean), 30))
    plain, asked = (
        ddpm.denoise(DenoiseRecipe(checkpoint="photos", artefacts=a), photograph.image).images()[0]
        for a in (False, True)
    )
    assert np.array_equal(np.asarray(plain), photograph.colour) and asked.mode == mode
    assert psnr(asked, clean) > psnr(plain, clean) + 0.4


def test_a_picture_without_tables_is_one_sentence(ddpm):
    recipe = DenoiseRecipe(checkpoint="photos", artefacts=True)
    with pytest.raises(UserError) as caught:
        ddpm.denoise(recipe, Image.fromarray(scene()))
    assert caught.value.key == "artefacts_unknown" and caught.value.field == "artefacts"


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_jpeg_that_was_left_as_it_is_loses_nothing_once_more(mode, orientation):
    pixels = scene() if mode == "RGB" else scene()[..., 0]
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = decode.read(jpeg(pixels, 60, 0, exif=exif.tobytes()))
    again = decode.read(encode.write(photo.image, photo))
    assert psnr(again.colour, photo.colour) > 50
    assert again.compression == photo.compression
