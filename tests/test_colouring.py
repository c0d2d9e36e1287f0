"""Colours of photographs: from all of the picture at one look, brightness to the level."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from ddpm_demo import DDPM, ColouriseRecipe
from ddpm_demo.pictures import deep
from ddpm_demo.restoration import colouring, fit
from ddpm_demo.restoration.colouring import Frame, reduced_size
from ddpm_demo.restoration.operators import Grey
from ddpm_demo.restoration.piece_run import PieceRun
from ddpm_demo.restoration.window import Window


@pytest.fixture(scope="module")
def photos(tiny_checkpoint, tmp_path_factory):
    folder = shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("photo") / "tiny-photo")
    (folder / "README.md").write_text("---\nprior: photo\ntile_px: 16\noverlap_px: 4\n---\n")
    return DDPM.from_pretrained(str(folder), "cpu")


def recipe(**more):
    return ColouriseRecipe(**{"checkpoint": "tiny", "num_steps": 3, **more})


def picture(width=90, height=60, seed=0):
    """Calm enough for colours to have room."""
    y, x = np.mgrid[0:height, 0:width]
    values = 128 + 40 * np.sin(x / 9 + y / 5) + np.random.default_rng(seed).normal(0, 4, x.shape)
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))


def luma(image):
    return np.asarray(image.convert("L")).astype(int)


@pytest.mark.parametrize(
    "size, seen",
    [
        ((16, 9), (16, 9)),
        ((10, 2), (10, 2)),
        ((32, 24), (16, 12)),
        ((4032, 3024), (16, 12)),
        ((1600, 900), (16, 11)),
        ((10_000, 300), (16, 11)),
        ((300, 10_000), (11, 16)),
        ((9, 50_000), (9, 16)),
    ],
)
def test_all_of_a_picture_is_seen_at_one_look(photos, size, seen):
    assert reduced_size(photos.info, *size) == seen


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "LA", "RGBA"])
@pytest.mark.parametrize("perception", [0.0, 0.5, 1.0])
def test_brightness_stays_and_colours_come(photos, monkeypatch, mode, is_large, perception):
    if is_large:
        monkeypatch.setattr(fit, "WHOLE_PIXELS", 2_000)
    image = picture().convert(mode)
    run = photos.colourise(recipe(perception=perception, num_images=2), image)
    results = run.images()
    assert isinstance(run, PieceRun) and run.fit.is_large == is_large
    assert len(results) == (1 if perception == 0 else 2)
    for result in results:
        assert result.size == image.size and result.mode == ("RGBA" if "A" in mode else "RGB")
        assert abs(luma(result) - luma(image)).max() <= 1
        colours = np.asarray(result.convert("RGB")).astype(int)
        assert np.ptp(colours, -1).max() > 3
    assert run.last.is_last and run.uncertainty().size == image.size
    assert run.mean().size == image.size


def test_held_as_floats_or_not_it_is_the_same_picture(photos, monkeypatch):
    small = photos.colourise(recipe(), picture()).images()[0]
    monkeypatch.setattr(fit, "WHOLE_PIXELS", 2_000)
    large = photos.colourise(recipe(), picture()).images()[0]
    assert (np.asarray(small) == np.asarray(large)).all()


def test_the_network_sees_the_reduced_picture_alone(photos, monkeypatch):
    seen = []
    predict = type(photos.denoiser).predict

    def recorded(self, x_t, t):
        seen.append(tuple(x_t.shape[-2:]))
        return predict(self, x_t, t)

    monkeypatch.setattr(type(photos.denoiser), "predict", recorded)
    run = photos.colourise(recipe(), picture(900, 600))
    run.images()
    assert set(seen) == {(11, 16)} and len(seen) == 3
    assert run.progress.expected == 3 * 11 * 16
    assert run.last.num_evaluations == 3


def test_sixteen_bits_stay_sixteen_bits(photos):
    pixels = (np.asarray(picture()).astype(np.uint16) << 8) + np.arange(90, dtype=np.uint16)
    image = deep.attach(picture(), pixels)
    (result,) = photos.colourise(recipe(), image).images()
    found = deep.deep_of(result)
    assert found.dtype == np.uint16 and found.shape == (60, 90, 3)
    weights = np.array([0.299, 0.587, 0.114])
    assert abs(found @ weights - pixels).max() <= 2


def test_black_and_white_have_no_room_for_colours(photos):
    image = picture()
    image.paste(0, (0, 0, 20, 60))
    image.paste(255, (70, 0, 90, 60))
    (result,) = photos.colourise(recipe(), image).images()
    pixels = np.asarray(result)
    assert (pixels[:, :20] == 0).all() and (pixels[:, 70:] == 255).all()


@pytest.mark.parametrize("is_large", [False, True])
def test_what_is_cancelled_has_the_colours_so_far(photos, monkeypatch, is_large):
    if is_large:
        monkeypatch.setattr(fit, "WHOLE_PIXELS", 2_000)
    run = photos.colourise(recipe(num_images=2), picture())
    steps = iter(run)
    next(steps)
    step = next(steps)
    results = run.pictures(step)
    assert len(results) == 2 and run.mean() is None and run.uncertainty() is None
    for result in results:
        pixels = np.asarray(result).astype(int)
        inside = ((pixels > 0) & (pixels < 255)).all(-1)
        assert inside.mean() > 0.2
        assert abs(luma(result) - luma(picture()))[inside].max() <= 1
        assert np.ptp(pixels, -1).max() > 3
    assert step.x0_hat.shape[0] == 2 and step.x0_hat.shape[1] == 3


@pytest.mark.parametrize("tone", [(1, 1, 1), (1.0, 0.85, 0.6)])
def test_a_toned_picture_is_compared_with_nothing(photos, tone):
    """Sepia is no colour that somebody would want back."""
    grey = np.asarray(picture()).astype(float)
    toned = Image.fromarray((grey[..., None] * tone).round().astype(np.uint8))
    run = photos.colourise(recipe(), toned)
    (result,) = run.images()
    assert run.metrics == {} and run.original is None
    assert abs(luma(result) - luma(toned)).max() <= 1


def test_a_colour_picture_is_compared_with(photos):
    random = np.random.default_rng(0)
    image = Image.fromarray(random.integers(0, 256, (40, 50, 3), dtype=np.uint8))
    run = photos.colourise(recipe(), image)
    run.images()
    assert {"psnr", "baseline_psnr", "ssim"} <= set(run.metrics)
    assert np.asarray(run.original).shape == (40, 50, 3)


def test_a_frame_reduces_and_enlarges_as_torch_does():
    pixels = np.random.default_rng(0).integers(0, 256, (300, 70, 3), dtype=np.uint8)
    frame = Frame.of(pixels, (14, 60))
    y = torch.cat(
        [colouring.brightness(pixels, Window(0, 0, 150, 70))]
        + [colouring.brightness(pixels, Window(150, 0, 150, 70))],
        2,
    )
    area = torch.nn.functional.interpolate(y, (60, 14), mode="area")
    assert torch.allclose(frame.low, area, atol=1e-5)
    x = torch.randn(2, 3, 60, 14)
    bicubic = torch.nn.functional.interpolate(x, (300, 70), mode="bicubic")
    parts = [frame.enlarged(x, Window(top, 0, 100, 70)) for top in (0, 100, 200)]
    assert torch.allclose(torch.cat(parts, 2), bicubic, atol=1e-4)


def test_the_picture_of_a_step_is_what_its_end_would_be(photos):
    run = photos.colourise(recipe(), picture())
    step = next(iter(run))
    frame = step.colouring.frame
    ramp = torch.linspace(-0.3, 0.3, 16).expand(11, 16)
    piece = frame.low + torch.stack([ramp, 0 * ramp, -ramp])[None]
    piece = piece + frame.low - Grey().A(piece)
    exact = frame.coloured(piece, Window(0, 0, 60, 90))[0].permute(1, 2, 0).numpy()
    shown = dataclasses.replace(step, piece=piece).on(run._setup.steps.canvas, 0)
    inside = ((shown > 0) & (shown < 255)).all(-1)
    assert inside.mean() > 0.9
    # Another bicubic, and colours of 8 bits.
    assert abs(shown - (exact + 1) * 127.5)[inside].max() <= 4
