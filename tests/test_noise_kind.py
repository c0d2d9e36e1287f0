"""What a run of denoising says of the noise that it found in a picture."""

import numpy as np
import pytest
import torch
from PIL import Image
from test_camera_noise import jpeg, noisy, scene, tensor
from test_mosaic import filled

from ddpm_demo.pictures.compression import of_picture
from ddpm_demo.restoration.mosaic import Mosaic
from ddpm_demo.restoration.noisy import look
from ddpm_demo.tasks.denoise import DenoiseRecipe
from ddpm_demo.texts.measures import measure_words

CLEAN = scene(256, 256, 4)


def uneven():
    """Noise that grows with the brightness."""
    drawn = np.random.default_rng(6).standard_normal(CLEAN.shape) * (2 + 0.2 * CLEAN)
    return (CLEAN + drawn).round().clip(0, 255).astype(np.uint8)


def smooth():
    """Without noise, and with nothing that could be taken for it."""
    ramp = np.linspace(30, 220, 256)
    across = np.broadcast_to(ramp, (256, 256))
    return np.stack([across, across.T, (across + across.T)[::-1] / 2], -1)


PICTURES = {
    "white": Image.fromarray(noisy(CLEAN, 20)),
    "camera": Image.fromarray(uneven()),
    "mosaic": Image.fromarray(filled(CLEAN, Mosaic(0, 1))),
    "none": Image.fromarray(CLEAN.astype(np.uint8)),
    "compression": jpeg(Image.fromarray(smooth().astype(np.uint8)), 30),
}


def facts(image, **values):
    recipe = DenoiseRecipe(checkpoint="photos", **values)
    seen = torch.as_tensor(tensor(np.asarray(image)))
    found = look([seen], False, recipe, 0.5, compression=of_picture(image))
    return found.facts(recipe)


@pytest.mark.parametrize("kind", PICTURES)
def test_each_kind_is_named(kind):
    said = facts(PICTURES[kind], artefacts=kind == "compression")
    assert said["noise_kind"] == kind and said["sigma_estimated"]
    for language, label in (("en", "Kind of noise"), ("zh-CN", "噪声类型")):
        assert dict(measure_words(said, language))[label]


@pytest.mark.parametrize("values", [{"sigma_255": 20.0}, {"add_noise_255": 20.0}])
def test_of_noise_that_was_told_nothing_is_claimed(values):
    said = facts(PICTURES["camera"], **values)
    assert "noise_kind" not in said and "sigma_255" in said
    assert len(measure_words(said, "en")) == 1


def test_what_jpeg_left_is_named_where_it_is_to_be_removed():
    assert facts(PICTURES["compression"])["noise_kind"] == "none"


def test_samples_of_the_posterior_are_not_asked_of_a_mosaic():
    assert facts(PICTURES["mosaic"], perception=0.5)["noise_kind"] == "camera"
