"""/interpolate and /diffuse through gradio_client."""

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


@pytest.fixture
def face(tmp_path):
    path = tmp_path / "face.png"
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return handle_file(str(path))


def test_interpolate_returns_frames_an_animation_and_the_error(client, face):
    frames, animation, recipe = client.predict(
        image_a=face,
        seed_b=4,
        num_between=2,
        num_steps=4,
        animation="webp",
        api_name="/interpolate",
    )
    assert len(frames) == 4
    assert recipe["ends"] == ["image", "seed:4"] and recipe["size_px"] == 16
    assert recipe["reconstruction_mse"][0] > 0 and recipe["reconstruction_mse"][1] is None
    assert read_recipe(frames[3]["image"])["image_index"] == 3
    with Image.open(animation) as moving:
        assert moving.format == "WEBP" and moving.n_frames == 6  # there and back


def test_interpolate_between_seeds_with_every_default_but_the_steps(client):
    frames, animation, recipe = client.predict(num_steps=2, api_name="/interpolate")
    assert len(frames) == 10 and animation is None
    assert recipe["ends"] == ["seed:0", "seed:1"] and recipe["checkpoint"] == "tiny"


def test_diffuse_noises_a_picture_and_brings_it_back(client, face):
    pictures, recipe = client.predict(
        image=face, t=200, num_steps=3, num_images=2, api_name="/diffuse"
    )
    assert len(pictures) == 2 and recipe["t"] == 200 and recipe["sampler"] == "ddpm"
    with Image.open(pictures[0]["image"]) as picture:
        assert picture.format == "PNG" and picture.size == (16, 16)
    siblings, recipe = client.predict(num_steps=3, branch_at=1, num_images=3, api_name="/diffuse")
    assert len(siblings) == 3 and recipe["t"] == 1000 and recipe["branch_at"] == 1


@pytest.mark.parametrize(
    ("endpoint", "wrong", "words"),
    [
        ("/interpolate", {"num_between": 0}, "between 1 and 10000"),
        ("/interpolate", {"num_between": 10_001}, "between 1 and 10000"),
        ("/interpolate", {"seed_b": 0}, "same picture"),
        ("/interpolate", {"method": "ddpm", "t": 1001}, "between 0 and 1000"),
        ("/interpolate", {"checkpoint": "/etc"}, "no checkpoint called"),
        ("/diffuse", {"t": 100}, "Give a picture to noise"),
        ("/diffuse", {"t": 0}, "between 1 and 1000"),
        ("/diffuse", {"branch_at": 50, "num_steps": 4}, "branch at step 0 to 3"),
        ("/diffuse", {"eta": 0.5}, "no eta"),
    ],
)
def test_a_mistake_is_one_sentence(client, endpoint, wrong, words):
    with pytest.raises(AppError, match=words) as caught:
        client.predict(**wrong, api_name=endpoint)
    assert "Traceback" not in str(caught.value)


def test_the_documentation_names_types_and_units(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for endpoint in ("/interpolate", "/diffuse"):
        parameters = endpoints[endpoint]["parameters"]
        assert all(p["parameter_has_default"] and p["label"] for p in parameters)
        assert {"checkpoint", "seed"} <= {p["parameter_name"] for p in parameters}
