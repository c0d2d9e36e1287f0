"""What results are called, and what is never written over."""

import os

import pytest
from PIL import Image

from ddpm_demo.pictures import names
from ddpm_demo.pictures.png_recipe import save_png

RECIPE = {"task": "denoise", "seed": 3}


@pytest.mark.parametrize(
    "source, stem",
    [
        ("holiday/photo.jpg", "photo-denoised"),
        ("照片.heic", "照片-denoised"),
        ("a.b.png", "a.b-denoised"),
        ("x" * 300 + ".png", "x" * 180 + "-denoised"),
        ("bad\nname?.png", "bad_name_-denoised"),
        (".png", ".png-denoised"),
    ],
)
def test_results_are_called_after_what_went_in(source, stem):
    assert names.result_stem(source, "denoised").lstrip(".") == stem.lstrip(".")


def test_another_recipes_picture_stays_and_ones_own_is_written_again(tmp_path):
    image = Image.new("L", (4, 4))
    assert names.free_name(tmp_path, "a.png", RECIPE) == "a.png"
    save_png(image, tmp_path / "a.png", RECIPE)
    assert names.free_name(tmp_path, "a.png", RECIPE) == "a.png"
    assert names.free_name(tmp_path, "a.png", {**RECIPE, "metrics": {"psnr": 3}}) == "a.png"
    other = {**RECIPE, "seed": 4}
    assert names.free_name(tmp_path, "a.png", other) == "a-2.png"
    save_png(image, tmp_path / "a-2.png", other)
    assert names.free_name(tmp_path, "a.png", {**RECIPE, "seed": 5}) == "a-3.png"


def test_an_input_is_never_written_over_whatever_it_carries(tmp_path):
    path = save_png(Image.new("L", (4, 4)), tmp_path / "a.png", RECIPE)
    os.link(path, tmp_path / "b.png")
    assert names.free_name(tmp_path, "a.png", RECIPE, [path]) == "a-2.png"
    assert names.free_name(tmp_path, "b.png", RECIPE, [path]) == "b-2.png"


def test_files_of_others_stay(tmp_path):
    (tmp_path / "a.png").write_text("mine")
    (tmp_path / "b.png").symlink_to(tmp_path / "nowhere")
    assert names.free_name(tmp_path, "a.png", RECIPE) == "a-2.png"
    assert names.free_name(tmp_path, "b.png", RECIPE) == "b-2.png"
    assert names.free_name(tmp_path, "a.png", RECIPE, over_broken=True) == "a.png"
