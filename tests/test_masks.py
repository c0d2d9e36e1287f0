"""Masks: presets, boxes, pictures, and what is painted on a canvas of another size."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

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


@pytest.mark.parametrize(
    "size", [(64, 64), (32, 32), (48, 91), (512, 512), (640, 427), (300, 2000)]
)
def test_what_is_painted_on_the_canvas_is_the_mask(size):
    """A rectangle painted where the picture shows it comes back as that rectangle."""
    width, height = size
    left, top, right, bottom = masks.canvas_box(size, 512)
    assert 0 <= left < right <= 512 and 0 <= top < bottom <= 512
    assert abs((right - left) / (bottom - top) / (width / height) - 1) < 0.05
    x0, y0, x1, y1 = width // 4, height // 3, width // 2, height // 2
    scale = (right - left) / width
    painted = Image.new("RGBA", (512, 512), (0, 0, 0, 0))
    corners = [left + x0 * scale, top + y0 * scale, left + x1 * scale - 1, top + y1 * scale - 1]
    ImageDraw.Draw(painted).rectangle([round(c) for c in corners], fill=(255, 0, 128, 255))
    filled = np.argwhere(pixels(masks.from_canvas(painted, size)))
    slack = 0 if scale >= 1 else np.ceil(1 / scale) + 1
    found = [*filled.min(0), *(filled.max(0) + 1)]
    assert np.abs(np.subtract(found, [y0, x0, y1, x1])).max() <= slack


def test_paint_beside_the_picture_does_not_count_and_faint_paint_neither():
    painted = Image.new("RGBA", (512, 512), (255, 255, 255, 255))
    left, top, right, bottom = masks.canvas_box((100, 50), 512)
    painted.paste((255, 255, 255, 0), (left, top, right, bottom))
    assert masks.share(masks.from_canvas(painted, (100, 50))) == 0
    painted.paste((255, 255, 255, 127), (left, top, right, bottom))
    assert masks.share(masks.from_canvas(painted, (100, 50))) == 0
    painted.paste((0, 0, 0, 128), (left, top, right, bottom))
    assert masks.share(masks.from_canvas(painted, (100, 50))) == 1


def test_small_pictures_lie_on_the_canvas_with_hard_pixels():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8))
    canvas = masks.on_canvas(image, 512)
    left, top, right, bottom = masks.canvas_box(image.size, 512)
    assert (right - left, bottom - top) == (256, 512) and canvas.size == (512, 512)
    shown = np.asarray(canvas.crop((left, top, right, bottom)))[::8, ::8, :3]
    assert np.array_equal(shown, np.asarray(image))
    assert canvas.getpixel((0, 0))[3] == 0


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
