"""More than 8 bits through every restoration, whole and in pieces, and into files: what a run
changes has 16 bits of its own, what it leaves is the file's to the last bit."""

import json
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image

from ddpm_demo import (
    DDPM,
    ColouriseRecipe,
    DeblurRecipe,
    DenoiseRecipe,
    InpaintRecipe,
    UpscaleRecipe,
)
from ddpm_demo.cli import main
from ddpm_demo.pictures import decode, deep, encode
from ddpm_demo.pictures.icc import matrix_profile
from ddpm_demo.pictures.photograph import Photograph, to_8_bit, to_16_bit
from ddpm_demo.restoration import blocks, fit, large
from ddpm_demo.restoration.piece_run import PieceRun
from ddpm_demo.restoration.upload import expand, prepare
from ddpm_demo.ui import sessions

SIDE = (56, 36)  # width, height
ROOM = {"pieces": 1_500, "whole": 10**6}
SHARED = {"checkpoint": "tiny", "seed": 3}
RECIPES = {
    "denoise": DenoiseRecipe(**SHARED, sigma_255=12),
    "samples": DenoiseRecipe(**SHARED, sigma_255=12, num_images=2, perception=1, num_steps=2),
    "inpaint": InpaintRecipe(**SHARED, num_steps=1, perception=0),
    "feathered": InpaintRecipe(**SHARED, num_steps=1, perception=0, feather_px=2),
    "upscale": UpscaleRecipe(**SHARED, factor=2, num_steps=1),
    "colourise": ColouriseRecipe(**SHARED, num_steps=1),
    "deblur": DeblurRecipe(**SHARED, num_steps=1, radius_px=1),
}
P3 = matrix_profile(((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)))


@pytest.fixture(scope="module")
def folder(tiny_checkpoint, tmp_path_factory):
    """The tiny network as a prior of photographs."""
    path = shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("deep") / "tiny-photo")
    (path / "README.md").write_text("---\nprior: photo\ntile_px: 16\noverlap_px: 4\n---\n")
    return path


@pytest.fixture(scope="module")
def photos(folder):
    return DDPM.from_pretrained(str(folder), "cpu")


@pytest.fixture(params=ROOM)
def way(request, monkeypatch):
    monkeypatch.setattr(fit, "WHOLE_PIXELS", ROOM[request.param])
    monkeypatch.setattr(blocks, "MAX_BLOCK_PX", 56)
    monkeypatch.setattr(large, "CONTEXT_PX", 4)
    return request.param


def gradient(mode="RGB", size=SIDE):
    """A smooth picture of 16 bits under noise, neither black nor white."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width] / max(size)
    values = 30_000 + 9_000 * np.stack([np.sin(4 * x), np.cos(3 * y), x - y], -1)
    values = values + np.random.default_rng(1).normal(0, 900, values.shape)
    pixels = values.round().astype(np.uint16)
    return np.ascontiguousarray(pixels[..., 1]) if mode == "L" else pixels


def hole(size=SIDE):
    mask = Image.new("L", size, 0)
    mask.paste(255, (20, 14, 30, 26))
    return mask


def started(photos, name, image):
    given = {"mask": hole()} if isinstance(RECIPES[name], InpaintRecipe) else {}
    return photos.run(RECIPES[name], image=image, **given)


def levels_within(values):
    """Share of the values that no 8-bit picture has: 256 in 257 of any at random."""
    return float((values % 257 != 0).mean())


# Holes are filled one by one in small pictures too.
CASES = [
    *[("denoise", way, mode) for way in ROOM for mode in ("RGB", "L")],
    *[("samples", "pieces", "RGB"), ("samples", "whole", "L")],
    *[("inpaint", "pieces", "RGB"), ("inpaint", "whole", "L"), ("feathered", "whole", "RGB")],
    *[("upscale", "pieces", "RGB"), ("upscale", "whole", "L")],
    *[("colourise", "pieces", "RGB"), ("colourise", "pieces", "L")],
    *[("deblur", "pieces", "L"), ("deblur", "whole", "RGB")],
]


@pytest.mark.parametrize(("name", "way", "mode"), CASES, indirect=["way"])
def test_results_are_as_deep_as_what_went_in(photos, way, name, mode):
    """The same 8-bit picture in 16 bits and in 8 gives the same, unrounded and rounded."""
    image = Image.fromarray(to_8_bit(gradient(mode)))
    pixels = to_16_bit(np.asarray(image))
    run = started(photos, name, Photograph(pixels, pixels).image)
    shallow = started(photos, name, image)
    is_filled = name in ("inpaint", "feathered")
    changed = np.asarray(hole()) > 0 if is_filled else np.ones(run.observed.size[::-1], bool)
    for result, other in zip(run.images(), shallow.images(), strict=True):
        found = deep.deep_of(result)
        assert found.dtype == np.uint16 and deep.deep_of(other) is None
        assert found.ndim == (3 if mode == "RGB" or name == "colourise" else 2)
        assert levels_within(found[changed]) > 0.9
        assert len(np.unique(found[changed])) > min(280, 0.8 * changed.sum())
        assert result.mode == other.mode and result.size == other.size
        # 8 bits round twice where pieces overlap, and channels before they become grey.
        assert np.abs(found / 257 - np.asarray(other)).max() < 1.2
        np.testing.assert_array_equal(np.asarray(result), to_8_bit(found))
        if name == "inpaint":
            np.testing.assert_array_equal(found[~changed], pixels[~changed])
    assert isinstance(run, PieceRun) == isinstance(shallow, PieceRun)
    assert isinstance(run, PieceRun) == (way == "pieces" or is_filled)
    assert run.metrics.keys() == shallow.metrics.keys()
    for key in run.metrics.keys() - {"consistency_255", "baseline"}:
        assert run.metrics[key] == pytest.approx(shallow.metrics[key], rel=0.02), key
    besides = shallow.beside()
    for key, picture in run.beside().items():
        difference = np.asarray(picture).astype(int) - np.asarray(besides[key])
        assert np.abs(difference).max() <= 5, key  # what was removed is shown four times as strong


def test_a_hole_of_a_picture_that_is_seen_at_once(tiny_checkpoint):
    ddpm = DDPM.from_pretrained(str(tiny_checkpoint), "cpu")
    pixels, mask = gradient(size=(16, 16)), Image.new("L", (16, 16))
    mask.paste(255, (4, 5, 12, 11))
    inside = np.asarray(mask) > 0
    for method in ("engine", "repaint"):
        recipe = InpaintRecipe(**SHARED, num_steps=2, method=method)
        run = ddpm.inpaint(recipe, Photograph(pixels, pixels).image, mask)
        found = deep.deep_of(run.images()[0])
        assert not isinstance(run, PieceRun)
        np.testing.assert_array_equal(found[~inside], pixels[~inside])
        assert levels_within(found[inside]) > 0.8


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_has_no_noise_comes_back_to_the_last_bit(photos, way, mode):
    """And with none of its noise taken, a noisy picture."""
    smooth = 9_001 + 700 * np.arange(SIDE[0])[:, None] * np.array([1.0, 0.3, 0.6])
    smooth = np.broadcast_to(smooth, (SIDE[1], *smooth.shape)).astype(np.uint16)
    smooth = np.ascontiguousarray(smooth if mode == "RGB" else smooth[..., 0])
    for pixels, recipe in (
        (smooth, DenoiseRecipe(**SHARED)),
        (gradient(mode), DenoiseRecipe(**SHARED, sigma_255=9, amount=0)),
    ):
        result = photos.denoise(recipe, Photograph(pixels, pixels).image).images()[0]
        np.testing.assert_array_equal(deep.deep_of(result), pixels)


def test_an_enlargement_reduces_to_the_16_bits_of_its_picture(photos, way):
    pixels = gradient()
    run = photos.upscale(RECIPES["upscale"], Photograph(pixels, pixels).image)
    found = deep.deep_of(run.images()[0]).astype(float)
    height, width = pixels.shape[:2]
    reduced = found.reshape(height, 2, width, 2, 3).mean((1, 3))
    assert np.abs(reduced - pixels).max() <= 0.6 and run.metrics["consistency_255"] < 0.01


def test_transparency_goes_on_in_16_bits(photos, way):
    pixels, alpha = gradient(), np.full(SIDE[::-1], 65_000, np.uint16)
    alpha[:9], alpha[9:12] = 0, 30_001
    photograph = Photograph(pixels, pixels, alpha)
    result = photos.denoise(RECIPES["denoise"], photograph.image).images()[0]
    again = decode.read(encode.write(result, photograph, format="png"))
    np.testing.assert_array_equal(again.alpha, alpha)
    np.testing.assert_array_equal(again.own[:9], pixels[:9])  # colours that nobody sees
    assert levels_within(again.own[12:]) > 0.9


def test_what_is_added_around_is_made_in_16_bits(photos):
    pixels = gradient()
    image = Photograph(pixels, pixels).image
    recipe = InpaintRecipe(**SHARED, num_steps=1, expand=(6, 0, 0, 3))
    found = deep.deep_of(photos.inpaint(recipe, image).images()[0])
    assert found.shape == (39, 62, 3)
    np.testing.assert_array_equal(found[:36, 6:], pixels)
    assert levels_within(found[:, :6]) > 0.9
    grey, _ = expand(image.convert("L"), Image.new("L", SIDE), (1, 1, 1, 1))
    assert deep.deep_of(grey) is None  # another picture, in 8 bits


def test_a_picture_of_another_size_has_left_its_depth_behind(tiny_checkpoint):
    info = DDPM.from_pretrained(str(tiny_checkpoint), "cpu").info
    pixels = gradient()
    assert prepare(Photograph(pixels, pixels).image, info, 1, False).deep is None
    small = gradient(size=(16, 16))
    assert prepare(Photograph(small, small).image, info, 1, False).deep is small


def write(path, pixels):
    """A deep file, with a profile where it can have one."""
    if path.suffix == ".png":
        photograph = Photograph(pixels, pixels, white=65535.0)
        image = deep.attach(Image.fromarray(to_8_bit(pixels)), pixels)
        path.write_bytes(encode.write(image, photograph, format="png"))
        return path
    is_colour = pixels.ndim == 3
    options = {"photometric": "rgb", "iccprofile": P3} if is_colour else {}
    tifffile.imwrite(path, pixels, **options)
    return path


@pytest.fixture
def command(folder, tmp_path, capsys):
    def run(task, *words):
        line = [task, *map(str, words), "--checkpoint", str(folder), "--num-steps", "1"]
        code = main([*line, "--out", str(tmp_path / "out"), "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out)

    return run


@pytest.mark.parametrize(
    ("name", "way", "mode"),
    [("a.png", "whole", "RGB"), ("a.tif", "pieces", "RGB"), ("a.png", "pieces", "L")],
    indirect=["way"],
)
def test_files_of_the_commands(command, way, tmp_path, name, mode):
    pixels = gradient(mode)
    path = write(tmp_path / name, pixels)
    hole().save(tmp_path / "mask.png")
    command("denoise", path, "--sigma-255", "9")
    command("inpaint", path, "--mask", tmp_path / "mask.png")
    ending = path.suffix
    denoised = decode.read(tmp_path / "out" / f"a-denoised{ending}")
    filled = decode.read(tmp_path / "out" / f"a-inpainted{ending}")
    inside = np.asarray(hole()) > 0
    for found in (denoised, filled):
        assert found.own.dtype == np.uint16 and found.own.shape == pixels.shape
    assert levels_within(denoised.own) > 0.9
    assert (denoised.own != pixels).mean() > 0.9
    np.testing.assert_array_equal(filled.own[~inside], pixels[~inside])
    assert levels_within(filled.own[inside]) > 0.9


def test_float_and_12_bits_keep_their_range(command, tmp_path):
    values = (gradient() / 65535).astype(np.float32)
    tifffile.imwrite(tmp_path / "float.tif", values, photometric="rgb")
    few = (gradient() // 16).astype(np.uint16)
    few[0, 0] = 4095
    tifffile.imwrite(tmp_path / "few.tif", few, photometric="rgb")
    for name in ("float", "few"):
        command("denoise", tmp_path / f"{name}.tif", "--sigma-255", "9")
    found = decode.read(tmp_path / "out" / "float-denoised.tif").own
    assert found.dtype == np.float32 and 0.2 < found.min() < found.max() < 0.9
    assert len(np.unique(found)) > 2_000
    found = decode.read(tmp_path / "out" / "few-denoised.tif").own
    assert found.dtype == np.uint16 and found.max() <= 4095 and len(np.unique(found)) > 600


def test_many_files_and_a_result_in_8_bits(command, tmp_path):
    for name in ("a.png", "b.tif"):
        write(tmp_path / name, gradient())
    command("denoise", tmp_path / "a.png", tmp_path / "b.tif", "--sigma-255", "9")
    for name in ("a-denoised.png", "b-denoised.tif"):
        found = decode.read(tmp_path / "out" / name).own
        assert found.dtype == np.uint16 and levels_within(found) > 0.9
    command("denoise", tmp_path / "a.png", "--sigma-255", "9", "--format", "jpeg")
    assert decode.read(tmp_path / "out" / "a-denoised.jpg").own.dtype == np.uint8


def test_the_page_keeps_the_depth_of_results_and_of_nothing_else(photos, monkeypatch):
    pixels = gradient()
    image = Photograph(pixels, pixels).image

    class Job:
        inputs = {"image": image}

    class Last:
        images = [deep.attach(Image.fromarray(to_8_bit(pixels)), pixels)]
        extras = {}

    record = sessions.RunRecord(Job(), last=Last())
    assert record.num_bytes == 2 * 3 * pixels.size
    record.lighten()
    assert record.num_bytes == (3 + 1) * pixels.size and deep.deep_of(image) is None
    monkeypatch.setattr(sessions, "MAX_DEEP_BYTES", pixels.nbytes - 1)
    record.lighten()
    assert record.num_bytes == 2 * pixels.size
