"""/denoise, /inpaint and /upscale through gradio_client."""

import numpy as np
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from ddpm_demo.pictures.png_recipe import read_recipe

# Gradio's own use of pandas.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no_silent_downcasting", "ignore:The copy keyword"
)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """Path of a smooth 16 x 16 colour picture, the size that the tiny network knows."""
    x, y = np.meshgrid(np.arange(16), np.arange(16))
    pixels = np.stack([16 * x, 16 * y, 255 - 8 * (x + y)], -1).astype(np.uint8)
    path = tmp_path_factory.mktemp("upload") / "picture.png"
    Image.fromarray(pixels).save(path)
    return path


def captions(gallery):
    return [item["caption"] for item in gallery]


def test_denoise(client, picture):
    gallery, beside, recipe = client.predict(
        image=handle_file(picture),
        add_noise_255=30,
        perception=1,
        num_images=2,
        seed=3,
        num_steps=2,
        api_name="/denoise",
    )
    assert len(gallery) == 2
    assert captions(beside) == ["observed", "original", "mean", "uncertainty", "removed"]
    assert recipe["task"] == "denoise" and recipe["metrics"]["sigma_estimated"] is True
    assert read_recipe(gallery[1]["image"])["image_index"] == 1
    with Image.open(gallery[0]["image"]) as image:
        assert image.format == "PNG" and image.size == (16, 16)


def test_inpaint_keeps_what_the_mask_leaves(client, picture, tmp_path):
    mask = Image.new("L", (16, 16), 0)
    mask.paste(255, (4, 4, 12, 12))
    mask.save(tmp_path / "mask.png")
    gallery, _, recipe = client.predict(
        image=handle_file(picture),
        mask=handle_file(tmp_path / "mask.png"),
        num_steps=2,
        api_name="/inpaint",
    )
    given, result = (np.asarray(Image.open(p)) for p in (picture, gallery[0]["image"]))
    hole = np.asarray(mask) > 0
    assert np.array_equal(result[~hole], given[~hole])
    assert not np.array_equal(result[hole], given[hole])
    assert recipe["task"] == "inpaint" and recipe["perception"] == 1


def test_upscale(client, picture):
    gallery, beside, recipe = client.predict(
        image=handle_file(picture), factor=2, reduce_first=True, num_steps=2, api_name="/upscale"
    )
    assert captions(beside)[:2] == ["observed", "original"]
    assert recipe["factor"] == 2 and recipe["metrics"]["baseline"] == "bicubic"
    assert recipe["metrics"]["consistency_255"] <= 1
    with Image.open(gallery[0]["image"]) as image:
        assert image.size == (16, 16)


@pytest.mark.parametrize(
    ("endpoint", "wrong", "words"),
    [
        ("/denoise", {"sigma_255": 300}, "between 0.5 and 255"),
        ("/denoise", {"checkpoint": "/etc"}, "no checkpoint called"),
        ("/inpaint", {}, "Give a mask"),
        ("/upscale", {"factor": 5}, "2, 3, 4, 8"),
        ("/upscale", {"num_images": 99}, "between 1 and 16"),
    ],
)
def test_a_mistake_is_one_sentence(client, picture, endpoint, wrong, words):
    with pytest.raises(AppError, match=words):
        client.predict(image=handle_file(picture), **wrong, api_name=endpoint)


def test_a_file_that_is_no_picture_is_one_sentence(client, tmp_path):
    path = tmp_path / "paper.png"
    path.write_bytes(b"%PDF-1.7")
    with pytest.raises(AppError, match="not a picture"):
        client.predict(image=handle_file(path), api_name="/denoise")


def test_the_documentation_names_types_and_units(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name in ("/denoise", "/inpaint", "/upscale"):
        parameters = {p["parameter_name"]: p for p in endpoints[name]["parameters"]}
        assert not parameters["image"]["parameter_has_default"]
        others = [p for key, p in parameters.items() if key != "image"]
        assert all(p["parameter_has_default"] for p in others)
        assert parameters["num_images"]["python_type"]["type"] == "int"
        assert "1 to 16" in parameters["num_images"]["label"]
