"""Pictures of one's own go to the prior of photographs, and come back in their own colours."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ddpm_demo import DDPM, DenoiseRecipe, InpaintRecipe, UserError
from ddpm_demo.checkpoints.library import list_checkpoints
from ddpm_demo.cli import main
from ddpm_demo.restoration.fit import suitable_checkpoint


def icon(side):
    """A yellow disc and a red square on blue."""
    image = Image.new("RGB", (side, side), (30, 90, 200))
    draw = ImageDraw.Draw(image)
    draw.ellipse([side // 5, side // 5, side * 4 // 5, side * 4 // 5], fill=(240, 200, 40))
    draw.rectangle([side // 3, side // 3, side // 2, side // 2], fill=(200, 30, 30))
    return image


def psnr(a, b):
    difference = np.asarray(a).astype(float) - np.asarray(b)
    return 10 * np.log10(255**2 / (difference**2).mean())


@pytest.fixture(scope="module")
def photos():
    return DDPM.from_pretrained("photos", "cpu")


def test_no_size_is_taken_for_an_object():
    checkpoints = list_checkpoints()
    assert {"fashion-32", "faces-64"} <= {info.name for info in checkpoints}
    assert suitable_checkpoint(checkpoints).name == "photos"
    assert suitable_checkpoint([i for i in checkpoints if i.prior != "photo"]) is None


def test_known_pixels_of_an_icon_are_its_own(tmp_path, capsys):
    """At the command line, no checkpoint named: a 32 x 32 picture is no grey garment."""
    image, mask = icon(32), Image.new("L", (32, 32), 0)
    ImageDraw.Draw(mask).rectangle([20, 20, 27, 27], fill=255)
    image.save(tmp_path / "icon32.png")
    mask.save(tmp_path / "mask.png")
    command = ["inpaint", str(tmp_path / "icon32.png"), "--mask", str(tmp_path / "mask.png")]
    code = main([*command, "--out", str(tmp_path / "out"), "--num-steps", "2", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert code == 0 and report["recipe"]["checkpoint"] == "photos"
    result = Image.open(report["files"][0])
    known = np.asarray(mask) == 0
    assert result.size == (32, 32) and result.mode == "RGB"
    assert (np.asarray(result)[known] == np.asarray(image)[known]).all()
    assert result.getpixel((1, 1)) == (30, 90, 200)


@pytest.mark.parametrize("side", [32, 64])
def test_a_noisy_icon_gets_better_and_keeps_its_colours(photos, side):
    clean = icon(side)
    noise = np.random.default_rng(0).normal(0, 15, (side, side, 3))
    noisy = Image.fromarray((np.asarray(clean) + noise).round().clip(0, 255).astype(np.uint8))
    recipe = DenoiseRecipe(checkpoint="photos", sigma_255=15.0)
    (result,) = photos.denoise(recipe, noisy).images()
    assert psnr(result, clean) > psnr(noisy, clean) + 2


@pytest.mark.parametrize("size", [(1, 1), (1, 50_000), (7, 300), (300, 7)])
def test_what_is_too_small_is_one_sentence(photos, size):
    with pytest.raises(UserError) as caught:
        photos.denoise(DenoiseRecipe(checkpoint="photos"), Image.new("RGB", size))
    assert caught.value.key == "restoration_too_small" and str(caught.value).endswith(".")


def test_eight_pixels_are_enough(photos):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    mask = Image.new("L", (8, 8), 0)
    mask.putpixel((3, 4), 255)
    recipe = InpaintRecipe(checkpoint="photos", num_steps=2)
    (result,) = photos.inpaint(recipe, image, mask).images()
    difference = (np.asarray(result) != np.asarray(image)).any(-1)
    assert result.size == (8, 8) and not difference[np.asarray(mask) == 0].any()
    denoised = photos.denoise(DenoiseRecipe(checkpoint="photos", sigma_255=9.0), image)
    assert denoised.images()[0].size == (8, 8)


def test_a_panorama_is_filled_where_its_hole_is(photos):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (300, 10_000, 3), dtype=np.uint8)
    mask = np.zeros((300, 10_000), np.uint8)
    mask[100:110, 9_000:9_020] = 255
    recipe = InpaintRecipe(checkpoint="photos", num_steps=2)
    run = photos.inpaint(recipe, Image.fromarray(pixels), Image.fromarray(mask))
    (result,) = run.images()
    changed = (np.asarray(result) != pixels).any(-1)
    assert changed[mask > 0].any() and not changed[mask == 0].any()
    # Two evaluations of one tile: the rest of the picture is not looked at.
    assert run.progress.seen_pixels == 2 * 96 * 96
