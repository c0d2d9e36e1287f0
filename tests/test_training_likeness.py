"""Noise, blurs and pictures of another kind are told from pictures like the data."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from ddpm_demo.training.gauge import Gauge
from ddpm_demo.training.likeness import Likeness, describe
from ddpm_demo.ui.tabs.finetune.views import EARLY_ABOVE, gauge_kind

EXAMPLES = Path(__file__).parent.parent / "ddpm_demo" / "ui" / "examples"
SIDES = {"faces-64": 64, "fashion-32": 32, "photos": 32}


def held_out(name):
    """Sixteen pictures that no bundled checkpoint was trained on, uint8 [16, S, S, C]."""
    sheet = np.asarray(Image.open(EXAMPLES / f"heldout-{name}.png"))
    sheet = sheet[..., None] if sheet.ndim == 2 else sheet
    side = SIDES[name]
    rows, columns = sheet.shape[0] // side, sheet.shape[1] // side
    return np.stack(
        [
            sheet[side * i : side * (i + 1), side * j : side * (j + 1)]
            for i in range(rows)
            for j in range(columns)
        ]
    )


def noise(shape, levels, seed=0):
    drawn = 127 + levels * np.random.default_rng(seed).standard_normal(shape)
    return drawn.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", SIDES)
def test_noise_of_any_strength_is_unlike_and_other_pictures_of_the_kind_are_not(name):
    pictures = held_out(name)
    is_new = np.arange(16) % 4 == 3  # one of each photograph's four pieces
    likeness = Likeness(pictures[~is_new])
    assert likeness.unlike(pictures[is_new]) < EARLY_ABOVE
    assert likeness.unlike(pictures[~is_new]) == 0
    for levels in (10, 20, 40, 60):
        assert likeness.unlike(noise((16, *pictures.shape[1:]), levels)) > EARLY_ABOVE


@pytest.mark.parametrize("name", ["faces-64", "fashion-32"])  # pieces of photographs are smooth
def test_smooth_noise_is_unlike(name):
    pictures = held_out(name)
    smooth = gaussian_filter(noise((16, *pictures.shape[1:]), 250).astype(float), (0, 4, 4, 0))
    assert Likeness(pictures[:12]).unlike(smooth.astype(np.uint8)) > EARLY_ABOVE


def test_pictures_of_another_kind_are_unlike():
    faces = held_out("faces-64")
    cat = np.asarray(Image.open(EXAMPLES / "cat.png").convert("RGB"))
    pieces = np.stack([cat[y : y + 64, x : x + 64] for y in (0, 80) for x in range(0, 160, 20)])
    assert Likeness(pieces).unlike(faces) > EARLY_ABOVE
    assert Likeness(faces).unlike(pieces) > EARLY_ABOVE


def test_white_noise_halves_from_scale_to_scale():
    described = describe(noise((4, 64, 64, 1), 40))
    detail = described[:, 2:7]
    # Softened by two grey levels, and a halving takes away three quarters of the variance.
    np.testing.assert_allclose(detail[:, 0], np.log2(40 * 0.75**0.5 + 2), atol=0.05)
    np.testing.assert_allclose(detail[:, 1], np.log2(20 * 0.75**0.5 + 2), atol=0.1)
    np.testing.assert_allclose(described[:, 7:], 2 * np.diff(detail, axis=1))


def test_two_pictures_and_pictures_all_the_same_are_enough():
    same = np.full((2, 8, 8, 3), 90, np.uint8)
    assert Likeness(same).unlike(same) == 0
    assert Likeness(same).unlike(noise((3, 8, 8, 3), 60)) > EARLY_ABOVE


def test_the_gauge_says_too_early_of_noise_and_copies_of_copies():
    faces = held_out("faces-64")
    gauge = Gauge(faces[:12], flips=True)

    def said(samples):
        reading = gauge.read(samples)
        return gauge_kind(reading.ratio, reading.unlike)

    assert said(noise((16, 64, 64, 3), 50)) == "early"
    assert said(np.full((16, 64, 64, 3), 127, np.uint8)) == "early"
    assert said(faces[:4]) == "copies"
    assert said(faces[12:]) == "new"
