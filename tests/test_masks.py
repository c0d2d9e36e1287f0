"""Masks: presets, boxes, pictures."""

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.pictures import masks

SIZES = [(64, 64), (48, 91), (640, 427), (1, 1), (7, 3)]


def pixels(mask):
    return np.asarray(mask)


@pytest.mark.parametrize("name", masks.PRESETS)
@pytest.mark.parametrize("size", SIZES)
def test_every_preset_is_black_and_white_of_the_pictures_size(name, size):
    mask = masks.preset(name, size, seed=3)
    assert mask.size == size and mask.mode == "L"
    assert set(np.unique(pixels(mask))) <= {0, 255}


@pytest.mark.parametrize(
    ("name", "share"), [("centre", 0.25), ("half", 0.5), ("scattered", 0.7), ("stripes", 1 / 3)]
)
def test_presets_fill_what_they_say(name, share):
    assert masks.share(masks.preset(name, (120, 90))) == pytest.approx(share, abs=0.02)


def test_the_text_leaves_most_of_the_picture():
    for size in ((64, 64), (300, 120), (120, 300)):
        assert 0.1 < masks.share(masks.text(size)) < 0.5


def test_scattered_pixels_follow_the_seed():
    one, again, other = (pixels(masks.scattered((32, 32), seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_a_preset_that_there_is_not():
    with pytest.raises(UserError, match="centre, half"):
        masks.preset("circle", (8, 8))


def test_a_box_has_its_edges_in_per_cent():
    filled = np.argwhere(pixels(masks.box((200, 100), 10, 20, 50, 90)))
    assert filled.min(0).tolist() == [20, 20] and filled.max(0).tolist() == [89, 99]


@pytest.mark.parametrize(
    ("edges", "field"),
    [
        ((50, 0, 50, 100), "box_right"),
        ((0, 60, 100, 40), "box_bottom"),
        ((-1, 0, 9, 9), "box_left"),
        ((0, 0, 9, 101), "box_bottom"),
    ],
)
def test_a_box_without_pixels_is_said_beside_its_edge(edges, field):
    with pytest.raises(UserError) as caught:
        masks.box((100, 100), *edges)
    assert caught.value.field == field


def test_an_uploaded_mask_is_black_and_white_whatever_its_mode():
    grey = Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8))
    for mode in ("L", "RGB", "RGBA"):
        mask = masks.from_picture(grey.convert(mode), (4, 1))
        assert pixels(mask).tolist() == [[0, 0, 255, 255]]
    clear = Image.new("RGBA", (2, 1), (255, 255, 255, 0))
    assert masks.share(masks.from_picture(clear, (2, 1))) == 0


def test_a_mask_of_another_size_is_one_sentence():
    with pytest.raises(UserError, match="8 x 4 pixels but the picture has 4 x 8"):
        masks.from_picture(Image.new("L", (8, 4)), (4, 8))


def test_inverting_swaps_filled_and_known():
    mask = masks.half((10, 4))
    assert masks.share(masks.invert(mask)) == 1 - masks.share(mask)
    assert np.array_equal(pixels(masks.invert(masks.invert(mask))), pixels(mask))


def test_a_mask_must_leave_something_and_fill_something():
    masks.check(masks.half((4, 4)))
    for mask, key in (
        (masks.nothing((4, 4)), "mask_empty"),
        (masks.box((4, 4), 0, 0, 100, 100), "mask_full"),
    ):
        with pytest.raises(UserError) as caught:
            masks.check(mask)
        assert caught.value.key == key


def test_the_overlay_changes_only_what_is_filled():
    image = Image.new("RGB", (10, 4), "black")
    shown = np.asarray(masks.overlay(image, masks.half(image.size), "#ff0000"))
    assert shown[:, :5].max() == 0 and shown[:, 5:, 0].min() > 150
