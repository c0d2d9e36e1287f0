"""Masks as people make them: 0 and 1, erased, in red paint, in a palette, in 16 bits."""

import io

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.pictures import mask_reading, masks

SQUARE = np.zeros((64, 96), bool)
SQUARE[10:31, 10:31] = True


def painted(ground, paint, mode="RGB"):
    """`paint` in the square, `ground` (one colour, or a picture) elsewhere."""
    channels = len(paint)
    values = np.empty((*SQUARE.shape, channels), np.uint8)
    values[...] = ground
    values[SQUARE] = paint
    return Image.fromarray(values if channels > 1 else values[..., 0]).convert(mode)


def photo():
    y, x = np.mgrid[0:64, 0:96]
    return np.stack([120 + x // 2, 90 + y, 160 - x // 2], -1).astype(np.uint8)


def erased_photo():
    return np.dstack([photo(), np.full(SQUARE.shape, 255, np.uint8)])


KINDS = {
    "white on black": painted((0,), (255,), "L"),
    "0 and 1": Image.fromarray(SQUARE.astype(np.uint8)),
    "1 bit": painted((0,), (255,), "1"),
    "0 and 1 in 16 bits": Image.fromarray(SQUARE.astype(np.uint16)),
    "16 bits": Image.fromarray(np.where(SQUARE, 65535, 0).astype(np.uint16)),
    "white on black in 24 bits": painted((0, 0, 0), (255, 255, 255)),
    "red on black": painted((0, 0, 0), (255, 0, 0)),
    "red on white": painted((255, 255, 255), (230, 20, 30)),
    "red on a picture": painted(photo(), (255, 0, 0)),
    "erased from black": painted((0, 0, 0, 255), (0, 0, 0, 0), "RGBA"),
    "erased from a picture": painted(erased_photo(), (0, 0, 0, 0), "RGBA"),
    "white paint on nothing": painted((0, 0, 0, 0), (255, 255, 255, 255), "RGBA"),
    "red paint on nothing": painted((0, 0, 0, 0), (255, 0, 0, 255), "RGBA"),
    "a palette of two": painted((0, 0, 0), (128, 0, 0)).quantize(2),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_mask_means_the_square(name):
    mask = KINDS[name]
    file = io.BytesIO()
    mask.save(file, "PNG")
    for found in (mask_reading.read(file.getvalue()), masks.from_picture(mask, mask.size)):
        assert found.mode == "L"
        np.testing.assert_array_equal(np.asarray(found) == 255, SQUARE)


def test_a_palette_whose_colours_say_nothing_is_read_by_its_indices():
    mask = Image.fromarray(SQUARE.astype(np.uint8)).convert("L")
    mask.putpalette([9, 9, 9] * 2)
    np.testing.assert_array_equal(np.asarray(mask_reading.of_picture(mask)) == 255, SQUARE)


def test_a_jpegs_white_is_not_exact():
    file = io.BytesIO()
    painted((0,), (255,), "L").save(file, "JPEG", quality=60)
    found = np.asarray(mask_reading.read(file.getvalue())) == 255
    assert (found != SQUARE).mean() < 0.005


@pytest.mark.parametrize("level", [0, 255])
def test_one_colour_is_all_or_nothing(level):
    mask = Image.new("RGB", (8, 8), (level,) * 3)
    assert masks.share(mask_reading.of_picture(mask)) == level / 255


def test_red_paint_over_a_picture_that_has_strong_colours_itself():
    rng = np.random.default_rng(0)
    picture = rng.integers(40, 200, (40, 60, 3)).astype(np.uint8)
    picture[5:30, 30:55] = (205, 60, 45)
    picture[30:38, 40:58] = (40, 60, 210)
    painted = picture.copy()
    painted[10:20, 4:20] = (255, 0, 0)
    found = np.asarray(mask_reading.of_picture(Image.fromarray(painted))) > 0
    assert found[10:20, 4:20].all() and found.sum() == 160


def things(flat=False):
    """A picture with strong colours of its own: a shaded ball, or one that is flat."""
    y, x = np.mgrid[0:64, 0:96]
    ball = (x - 70) ** 2 + (y - 40) ** 2 < 200
    values = photo()
    shade = 0 * x[ball] if flat else 2 * (x[ball] - 55)
    values[ball] = np.stack([190 + shade, 60 + shade // 2, 50 + shade], -1)
    return values


@pytest.mark.parametrize("suffix", ["PNG", "JPEG"])
def test_white_paint_over_a_picture_is_what_is_filled(suffix):
    """And not the thing in it whose colour is strongest."""
    file = io.BytesIO()
    painted(things(), (255, 255, 255)).save(file, suffix, quality=90)
    found = np.asarray(mask_reading.read(file.getvalue())) == 255
    assert found[11:30, 11:30].all()
    assert (found & ~SQUARE).sum() <= 84  # around it, where a JPEG's rim is


@pytest.mark.parametrize(
    "mask",
    [
        Image.fromarray(things()),
        painted(things(), (0, 0, 0)),
        painted(things(flat=True), (255, 255, 255)),
        Image.fromarray(photo()),
    ],
    ids=[
        "nothing painted",
        "black paint",
        "two that may be meant",
        "a picture without strong ones",
    ],
)
def test_a_picture_in_which_nothing_is_clearly_painted_is_refused(mask):
    with pytest.raises(UserError) as refused:
        mask_reading.of_picture(mask)
    assert refused.value.key == "mask_unclear"
