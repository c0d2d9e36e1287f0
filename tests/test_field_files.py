"""Files as people bring them, through the commands and the bundled photographs' prior: each with
its right value. Drawn here; every kind stands for what was once wrong."""

import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from ddpm_demo import DDPM, InpaintRecipe, UpscaleRecipe
from ddpm_demo.cli import main
from ddpm_demo.pictures import decode
from ddpm_demo.pictures.icc import matrix_profile
from ddpm_demo.restoration.operators.average_pool import AveragePool

ADOBE = matrix_profile(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), gamma=2.19921875)


@pytest.fixture(scope="module")
def photos():
    return DDPM.from_pretrained("photos", "cpu")


@pytest.fixture
def command(tmp_path, capsys):
    def run(*words):
        code = main([*map(str, words), "--out", str(tmp_path / "out"), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else {}, err

    return run


def scene(width=48, height=32, seed=0):
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    rng = np.random.default_rng(seed)
    values = np.stack([x, y, 1 - x], -1) * 200 + 20 + rng.normal(0, 4, (height, width, 3))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def test_an_adobe_picture_reaches_the_network_in_srgb_and_comes_back_in_its_own(command, tmp_path):
    scene().save(tmp_path / "adobe.png", icc_profile=ADOBE)
    opened = Image.open(tmp_path / "adobe.png")
    srgb = ImageCms.createProfile("sRGB")
    managed = ImageCms.profileToProfile(
        opened, ImageCms.ImageCmsProfile(io.BytesIO(ADOBE)), srgb, renderingIntent=1
    )
    seen = decode.read(tmp_path / "adobe.png").image
    assert np.abs(np.asarray(seen).astype(int) - np.asarray(managed)).max() <= 1
    words = ("denoise", tmp_path / "adobe.png", "--amount", "0", "--num-steps", "1")
    code, told, err = command(*words)
    assert code == 0, err
    result = Image.open(told["files"][0])
    assert result.info["icc_profile"] == ADOBE
    assert (np.asarray(result) == np.asarray(opened)).all()


def test_an_enlarged_logo_reduces_to_itself_within_half_a_level(photos):
    logo = Image.new("RGB", (24, 24), "white")
    ImageDraw.Draw(logo).rectangle([8, 8, 15, 15], fill=(200, 0, 0))
    recipe = UpscaleRecipe(checkpoint="photos", factor=4, num_steps=2)
    result = np.asarray(photos.upscale(recipe, logo).images()[0]).astype(float)
    reduced = result.reshape(24, 4, 24, 4, 3).mean((1, 3))
    assert np.abs(reduced - np.asarray(logo)).max() <= 0.5


@pytest.mark.parametrize("level", [-1.0, -0.99, 0.0, 0.999, 1.0])
def test_squares_are_within_the_range_and_have_their_mean(level):
    import torch

    x = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    pool, y = AveragePool(4), torch.full((1, 3, 2, 3), level)
    found = pool.within(x, y)
    assert found.abs().max() <= 1 and (pool.A(found) - y).abs().max() < 5e-5
    again = pool.within(found, y)
    assert torch.equal(again, found)  # what is right already stays


def test_a_sprite_keeps_its_colour_over_black_and_over_white(photos):
    alpha = Image.new("L", (32, 32), 0)
    ImageDraw.Draw(alpha).ellipse([6, 6, 25, 25], fill=255)
    sprite = np.zeros((32, 32, 4), np.uint8)
    sprite[np.asarray(alpha) > 0] = (240, 200, 40, 255)
    recipe = UpscaleRecipe(checkpoint="photos", factor=4, num_steps=2)
    result = photos.upscale(recipe, Image.fromarray(sprite)).images()[0]
    found = np.asarray(result).astype(float)
    assert result.mode == "RGBA" and result.size == (128, 128)
    cover = found[..., 3:] / 255
    for ground in (0, 255):
        over = found[..., :3] * cover + ground * (1 - cover)
        right = np.array([240, 200, 40]) * cover + ground * (1 - cover)
        assert np.abs(over - right).max() <= 4  # of two steps; what bled was off by 30 and more


def test_an_erased_hole_is_opaque_where_it_was_filled(photos):
    hole = np.zeros((32, 32, 4), np.uint8)
    hole[...] = (120, 160, 90, 255)
    hole[10:20, 10:20] = 0
    mask = Image.fromarray(np.uint8(hole[..., 3] == 0) * 255)
    recipe = InpaintRecipe(checkpoint="photos", num_steps=2)
    result = np.asarray(photos.inpaint(recipe, Image.fromarray(hole), mask).images()[0])
    assert result.shape == (32, 32, 4) and (result[..., 3] == 255).all()
    known = np.asarray(mask) == 0
    assert (result[known] == hole[known]).all()


MASKS = {
    "0 and 1": lambda square: Image.fromarray(square),
    "erased": lambda square: Image.fromarray(
        np.where(square[..., None] > 0, np.uint8(0), np.array([0, 0, 0, 255], np.uint8))
    ),
    "16 bits": lambda square: Image.fromarray(square.astype(np.uint16) * 65535),
    "16 bits, 0 and 1": lambda square: Image.fromarray(square.astype(np.uint16)),
    "red paint": lambda square: Image.fromarray(
        np.where(square[..., None] > 0, np.array([250, 20, 20], np.uint8), np.uint8(90))
    ),
    "palette": lambda square: Image.fromarray(square * 255).convert("P"),
    "one bit": lambda square: Image.fromarray(square * 255).convert("1"),
}


@pytest.mark.parametrize("kind", MASKS)
def test_every_mask_of_a_square_fills_that_square(kind, command, tmp_path):
    square = np.zeros((32, 48), np.uint8)
    square[10:21, 10:21] = 1
    MASKS[kind](square).save(tmp_path / "mask.png")
    scene().save(tmp_path / "a.png")
    words = ("inpaint", tmp_path / "a.png", "--mask", tmp_path / "mask.png", "--num-steps", "1")
    code, told, err = command(*words)
    assert code == 0, err
    before = np.asarray(Image.open(tmp_path / "a.png"))
    after = np.asarray(Image.open(told["files"][0]))
    changed = (before != after).any(-1)
    assert not changed[square == 0].any() and changed[square > 0].mean() > 0.9


def palette_of_16_bits():
    """A PNG that no writer makes: palette indices of 16 bits."""
    head = struct.pack(">IIBBBBB", 4, 4, 16, 3, 0, 0, 0)
    rows = zlib.compress(b"\0" + b"\0" * 8 * 4 + b"\0" * 3)

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*c) for c in [(b"IHDR", head), (b"PLTE", bytes(6)), (b"IDAT", rows), (b"IEND", b"")]
    )


def saved(image, path, **options):
    image.save(path, **options)
    return path


BAD = {
    "1 x 1": lambda folder: saved(Image.new("RGB", (1, 1)), folder / "a.png"),
    "1 x 50,000": lambda folder: saved(Image.new("RGB", (1, 50_000)), folder / "a.png"),
    "16-bit palette": lambda folder: (
        (folder / "a.png").write_bytes(palette_of_16_bits()) and folder / "a.png"
    ),
    "nothing": lambda folder: (folder / "a.png").write_bytes(b"") or folder / "a.png",
    "an empty folder": lambda folder: folder,
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_bad_input_is_one_sentence(kind, language, command, tmp_path, monkeypatch):
    monkeypatch.setenv("DDPM_DEMO_LANGUAGE", language)
    (tmp_path / "in").mkdir()
    path = BAD[kind](tmp_path / "in")
    code, _, err = command("denoise", path, "--num-steps", "1")
    assert code == 2 and err.count("\n") == 1, err
    assert "Traceback" not in err


@pytest.mark.parametrize("size", [(8, 8), (1000, 30)])
def test_small_and_long_pictures_come_back_at_their_size(size, command, tmp_path):
    path = saved(scene(*size), tmp_path / "a.jpg", quality=92)
    code, told, err = command("denoise", path, "--sigma-255", "5", "--num-steps", "1")
    assert code == 0, err
    assert Image.open(told["files"][0]).size == size


def test_a_profile_of_garbage_is_said_and_the_picture_done(command, tmp_path):
    path = saved(scene(), tmp_path / "a.png", icc_profile=b"garbage" * 30)
    code, told, err = command("denoise", path, "--amount", "0", "--num-steps", "1")
    assert code == 0 and err.count("\n") == 1 and "colour profile" in err
    assert (np.asarray(Image.open(told["files"][0])) == np.asarray(scene())).all()
