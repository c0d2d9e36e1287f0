"""Transparency: nothing bleeds into what is seen; a hole that was filled is opaque."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ddpm_demo.pictures.alpha import filled, spread, spread_image


def sprite(side=32, colour=(240, 200, 40)):
    alpha = Image.new("L", (side, side), 0)
    ImageDraw.Draw(alpha).ellipse([6, 6, side - 7, side - 7], fill=255)
    values = np.zeros((side, side, 4), np.uint8)
    values[np.asarray(alpha) > 0] = (*colour, 255)
    return Image.fromarray(values)


@pytest.mark.parametrize("side", [32, 33, 57])
def test_one_colour_spreads_everywhere(side):
    found = np.asarray(spread_image(sprite(side)))
    assert (found == (240, 200, 40)).all()


def test_what_is_seen_stays_and_what_is_not_lies_between():
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (20, 31, 3)).astype(np.uint8)
    alpha = np.where(rng.random((20, 31)) < 0.3, rng.integers(1, 256, (20, 31)), 0)
    found = spread(colour, alpha)
    np.testing.assert_array_equal(found[alpha > 0], colour[alpha > 0])
    seen = colour[alpha > 0]
    assert (found >= seen.min(0)).all() and (found <= seen.max(0)).all()
    other = colour.copy()
    other[alpha == 0] = 7  # whatever lies there has no say
    np.testing.assert_array_equal(spread(other, alpha), found)


@pytest.mark.parametrize("background", [0, 255])
def test_an_enlarged_sprite_keeps_its_colour_at_the_edge(background):
    image = sprite()
    size = (128, 128)
    colour = np.asarray(spread_image(image).resize(size, Image.Resampling.BICUBIC)).astype(float)
    alpha = image.getchannel("A").resize(size, Image.Resampling.BICUBIC)
    cover = np.asarray(alpha)[..., None] / 255
    over = colour * cover + background * (1 - cover)
    expected = np.array([240, 200, 40]) * cover + background * (1 - cover)
    assert np.abs(over - expected).max() <= 1


def test_wholly_visible_and_wholly_invisible_pictures_stay():
    colour = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    for level in (0, 255):
        np.testing.assert_array_equal(spread(colour, np.full((4, 4), level)), colour)


def test_a_filled_hole_is_opaque():
    alpha = Image.new("L", (4, 4), 100)
    alpha.paste(0, (1, 1, 3, 3))
    hole = Image.new("L", (4, 4), 0)
    hole.paste(255, (1, 1, 3, 3))
    found = np.asarray(filled(alpha, hole))
    assert (found[1:3, 1:3] == 255).all() and found[0].tolist() == [100] * 4
