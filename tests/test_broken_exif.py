"""Broken EXIF data hide neither a picture nor how it was coded (found by benchmarks.fuzz)."""

import io

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.pictures import compression
from ddpm_demo.pictures.images import load_image
from ddpm_demo.pictures.png_recipe import read_recipe

BROKEN = b"Exif\x00\x00no TIFF header at all"


def picture(kind):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, exif=BROKEN)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["WEBP", "JPEG", "PNG"])
def test_no_recipe_is_a_sentence_and_the_picture_is_read(kind):
    content = picture(kind)
    with pytest.raises(UserError) as told:
        read_recipe(content)
    assert told.value.key == "recipe_absent"
    assert load_image(content).size == (48, 32)


def test_how_a_jpeg_was_coded_is_known():
    with Image.open(io.BytesIO(picture("JPEG"))) as image:
        found = compression.of_picture(image)
    assert found is not None and found.subsampling == "4:2:0"
