"""Each endpoint once through gradio_client, with what it says of its types and units."""

import httpx
import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image

from ddpm_demo.pictures.png_recipe import read_recipe

# Gradio's own use of pandas.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no_silent_downcasting", "ignore:The copy keyword"
)


def pictures(gallery):
    return [np.asarray(Image.open(item["image"])) for item in gallery]


def test_generate_returns_pngs_with_their_recipe(client):
    gallery, recipe = client.predict(
        checkpoint="tiny", num_images=3, seed=5, sampler="ddim", num_steps=3, api_name="/generate"
    )
    assert len(gallery) == 3
    assert recipe["sampler"] == "ddim" and recipe["num_steps"] == 3 and recipe["seed"] == 5
    saved = read_recipe(gallery[1]["image"])
    assert saved["image_index"] == 1 and saved["checkpoint"] == "tiny"
    with Image.open(gallery[0]["image"]) as image:
        assert image.format == "PNG" and image.size == (16, 16)


def test_generate_with_every_default_left_out_and_the_same_seed_again(client):
    few, recipe = client.predict(num_images=1, num_steps=2, seed=6, api_name="/generate")
    assert recipe["checkpoint"] == "tiny" and recipe["sampler"] == "dpmpp_2m"
    more, _ = client.predict(num_images=2, num_steps=2, seed=5, api_name="/generate")
    assert np.abs(pictures(few)[0].astype(int) - pictures(more)[1].astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"num_images": 10_000}, "between 1 and 256"),
        ({"num_steps": 0}, "between 1 and"),
        ({"num_steps": 10_001}, "between 1 and"),
        ({"seed": -1}, "between 0 and"),
        ({"checkpoint": "no-such"}, "no checkpoint called"),
        ({"checkpoint": "/etc/passwd"}, "no checkpoint called"),
        ({"eta": 2, "sampler": "ddim"}, "between 0 and 1"),
        ({"eta": 0.5, "sampler": "ddpm"}, "no eta"),
    ],
)
def test_a_mistake_is_one_sentence_and_the_app_goes_on(client, wrong, words):
    arguments = {"checkpoint": "tiny", "num_images": 1, "num_steps": 2, **wrong}
    with pytest.raises(AppError, match=words) as caught:
        client.predict(**arguments, api_name="/generate")
    assert "Traceback" not in str(caught.value)
    assert client.predict(api_name="/checkpoints")


def test_checkpoints_lists_what_there_is_and_no_paths(client):
    found = client.predict(api_name="/checkpoints")
    assert {"tiny", "faces-64", "fashion-32", "photos"} <= {entry["name"] for entry in found}
    faces = next(entry for entry in found if entry["name"] == "faces-64")
    assert faces["size_px"] == 64 and faces["channels"] == 3 and faces["weight_hash"]
    assert "folder" not in faces and str(found).count("/tmp") == 0


def test_the_documentation_names_types_and_units(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) >= {"/generate", "/checkpoints"}
    parameters = {p["parameter_name"]: p for p in endpoints["/generate"]["parameters"]}
    assert parameters["num_images"]["python_type"]["type"] == "int"
    assert "1 to 256" in parameters["num_images"]["label"]
    assert "ddim" in parameters["sampler"]["python_type"]["type"]
    assert all(parameter["parameter_has_default"] for parameter in parameters.values())


def test_the_page_itself_is_not_an_endpoint_and_files_stay_inside(client, app_url):
    with pytest.raises(ValueError):
        client.predict(api_name="/on_run")
    for path in ("/etc/passwd", "checkpoints/faces-64/model_index.json", "app.py"):
        reply = httpx.get(f"{app_url}gradio_api/file={path}")
        assert reply.status_code in (403, 404), path


@pytest.mark.parametrize("path", ["call/nothing", "call/nothing/", "run/nothing"])
def test_an_endpoint_that_there_is_not_is_named_beside_those_there_are(app_url, path):
    for language, words in (
        ("en", "no endpoint called “/nothing”"),
        ("zh-CN", "没有名为“/nothing”"),
    ):
        headers = {"accept-language": language}
        reply = httpx.post(f"{app_url}gradio_api/{path}", json={"data": []}, headers=headers)
        assert reply.status_code == 404
        said = reply.json()["detail"]
        assert words in said and "/generate" in said and "/denoise" in said
        assert "/predict" not in said and len(said) < 600
