"""Pictures in blocks: no seams, the same as at once, nothing reduced, memory bounded by shapes."""

import io
import shutil
import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from ddpm_demo import (
    DDPM,
    DeblurRecipe,
    DenoiseRecipe,
    UpscaleRecipe,
    UserError,
)
from ddpm_demo.core.denoiser import Prediction
from ddpm_demo.restoration import blocks, fit
from ddpm_demo.restoration import large as restoring
from ddpm_demo.restoration.blocks import in_blocks, sample_windows, spans
from ddpm_demo.restoration.canvas import Canvas
from ddpm_demo.restoration.effort import seconds
from ddpm_demo.restoration.piece_run import PieceRun
from ddpm_demo.restoration.placed_noise import PlacedNoise
from ddpm_demo.restoration.window import Window


@pytest.fixture(scope="module")
def photos(tiny_checkpoint, tmp_path_factory):
    """The tiny network as a prior of photographs; large pictures are seen in tiles of 28."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("photo") / "tiny-photo")
    card = "---\nprior: photo\ntile_px: 16\noverlap_px: 4\n---\n"
    (folder / "README.md").write_text(card)
    return DDPM.from_pretrained(str(folder), "cpu")


@pytest.fixture
def large(monkeypatch):
    """More than 2,000 pixels are much, and blocks have sides of 76: three tiles."""
    monkeypatch.setattr(fit, "WHOLE_PIXELS", 2_000)
    monkeypatch.setattr(blocks, "MAX_BLOCK_PX", 80)


def picture(width, height, seed=0, mode="RGB"):
    """Something smooth with an edge and some noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    values = 90 + 60 * np.sin(7 * x + 3 * y)[..., None] + [20, 0, -30] * (x > 0.5)[..., None]
    values = values + random.normal(0, 8, values.shape)
    pixels = values.round().clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if mode == "L" else pixels)


def values(image):
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("length", [5, 76, 77, 95, 148, 1000])
@pytest.mark.parametrize("multiple", [1, 3])
def test_blocks_cover_everything_and_share_enough(length, multiple):
    found = spans(length, 76, 6, multiple)
    assert found[0][0] == 0 and found[-1][1] == length
    assert all(end - start <= 76 for start, end in found)
    assert all(start % multiple == 0 for start, _ in found)
    for (_, end), (start, _) in zip(found, found[1:], strict=False):
        assert end - start >= 6


@pytest.mark.parametrize("context", [36, 38, 100])
def test_a_context_as_large_as_a_block_leaves_blocks_in_proportion(context, large):
    """Blocks were of a pixel's step, or of a negative side: without end."""
    canvas = Canvas(np.zeros((150, 170), np.uint8), 1, 1)
    place = fit.Fit("tiles", 170, 150, 28, 4, True)
    found = in_blocks(canvas, place, 1, 1, lambda window: None, context_px=context).pieces
    assert len(found) <= 56  # of 25,500 pixels
    seen = np.zeros((150, 170), int)
    for piece in found:
        seen[piece.window.slices] += 1
    assert seen.min() >= 1 and found[0].window.height >= 28


def test_blocks_that_overlap_wholly_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        spans(100, 6, 6)


def test_weights_of_blocks_blend_to_what_all_say():
    """Where all blocks say the same the result is that, wherever they overlap."""
    pixels = np.zeros((150, 170), np.uint8)
    canvas = Canvas(pixels, 1, 1)
    place = fit.Fit("tiles", 170, 150, 28, 4, True)

    class Plain:
        samples = None

        def __init__(self, window):
            self.window = window

        def __iter__(self):
            from ddpm_demo.core.step import Step

            x = torch.full((1, 1, self.window.height, self.window.width), 0.5)
            yield Step(1, 1, -1, x, x, 1)

        def mean(self):
            return None

        deviation = mean

    *_, last = in_blocks(canvas, place, 1, 1, Plain, context_px=5)
    assert (canvas.images[0] == 191).all() and last.is_last


def test_noise_belongs_to_its_place():
    a, b = Window(100, 230, 300, 60), Window(250, 200, 40, 70)
    first, second = (PlacedNoise([5, 6], window) for window in (a, b))
    for _ in range(2):
        x, y = first.randn((3, 300, 60)), second.randn((3, 40, 70))
        assert torch.equal(x[..., 150:190, :40], y[..., 30:])
    x = PlacedNoise([5], Window(-3, -3, 600, 600)).randn((1, 600, 600))
    assert abs(x.mean()) < 0.01 and abs(x.std() - 1) < 0.01
    again = PlacedNoise([5], Window(0, 0, 594, 594)).randn((1, 600, 600))
    assert torch.equal(x, again)


@pytest.fixture
def pointwise(photos, monkeypatch):
    """Each pixel by itself: what is left are the blocks and the engine."""

    def predict(x_t, t):
        schedule = photos.schedule
        x0 = x_t / schedule.abar(t) ** 0.5 / (1 + schedule.sigma(t) ** 2)
        return Prediction(x0, schedule.eps_from_x0(x_t, x0, t))

    monkeypatch.setattr(photos.denoiser, "predict", predict)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    "recipe",
    [
        DenoiseRecipe(checkpoint="tiny", sigma_255=10.0),
        DenoiseRecipe(checkpoint="tiny", sigma_255=10.0, add_noise_255=10.0),
        DenoiseRecipe(checkpoint="tiny", sigma_255=10.0, perception=1.0, num_steps=2),
    ],
    ids=lambda recipe: f"{recipe.task}-{recipe.perception}",
)
def test_blocks_give_what_one_block_gives(photos, pointwise, large, monkeypatch, recipe, mode):
    """Also samples: where blocks overlap they see the same noise."""
    image = picture(170, 130, mode=mode)
    run = photos.run(recipe, image=image)
    (result,) = run.images()
    assert isinstance(run, PieceRun) and len(run._setup.steps.pieces) > 3
    assert result.size == image.size and result.mode == mode
    monkeypatch.setattr(blocks, "MAX_BLOCK_PX", 500)
    whole = photos.run(recipe, image=image)
    (expected,) = whole.images()
    assert len(whole._setup.steps.pieces) == 1
    difference = abs(values(result) - values(expected))
    assert difference.max() <= 1 and difference.mean() < 0.1
    assert (run.metrics.get("psnr") is None) == (run.original is None)


@pytest.mark.parametrize("way", ["to the end", "half way", "asked twice"])
def test_pieces_are_made_once_however_a_run_is_gone_through(photos, pointwise, large, way):
    """Commands go through a run and then ask for its pictures: everything was made twice."""
    recipe = DenoiseRecipe(checkpoint="tiny", sigma_255=10.0, perception=1.0, num_steps=2)
    run, made = photos.denoise(recipe, picture(170, 130)), []
    for piece in run._setup.steps.pieces:
        make = piece.start
        object.__setattr__(piece, "start", lambda make=make: made.append(1) or make())
    if way == "asked twice":
        run.images()
    for index, _ in enumerate(run):
        if way == "half way" and index == 2:
            break
    (result,) = run.images()
    assert len(made) == len(run._setup.steps.pieces)
    (expected,) = photos.denoise(recipe, picture(170, 130)).images()
    assert (values(result) == values(expected)).all() and run.last.is_last


def test_what_was_removed_is_shown_at_the_end_only(photos, pointwise, large):
    run = photos.denoise(DenoiseRecipe(checkpoint="tiny", sigma_255=10.0), picture(90, 60))
    assert "removed" not in run.beside()
    run.images()
    assert run.beside()["removed"].size == (90, 60)


def test_blocks_hold_no_weights_before_their_turn():
    """Those of all of them together took as much as a picture of 16 bits."""
    place = fit.Fit("tiles", 1500, 1500, 28, 4, True)
    canvas = Canvas(np.zeros((1500, 1500), np.uint8), 1, 1)
    tracemalloc.start()
    in_blocks(canvas, place, 1, 1, lambda window: None)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 500_000


def test_deblurred_blocks_show_no_seams(photos, pointwise, large, monkeypatch):
    """Blocks differ from the whole by roundings of few values, also where they meet.

    In eight steps: chains of two have not forgotten their start, a Gaussian that belongs to the
    block, and are several levels off everywhere.
    """
    monkeypatch.setattr(restoring, "CONTEXT_PX", 8)
    image = picture(104, 48)
    recipe = DeblurRecipe(checkpoint="tiny", radius_px=0.7, num_steps=8, blur_first=True)
    run = photos.deblur(recipe, image)
    (result,) = run.images()
    monkeypatch.setattr(blocks, "MAX_BLOCK_PX", 500)
    (expected,) = photos.deblur(recipe, image).images()
    difference = abs(values(result) - values(expected))
    starts = {piece.window.left for piece in run._setup.steps.pieces} - {0}
    assert len(starts) >= 1
    seam = np.isin(np.arange(104), [start + i for start in starts for i in range(6)])
    assert difference.max() <= 1 and (difference > 0).mean() < 0.005
    assert (difference[:, seam] > 0).mean() < 0.01
    assert run.metrics["baseline"] == "blurred" and run.metrics["psnr"] > 10


def test_tiles_of_blocks_are_the_tiles_of_the_whole(photos, large, monkeypatch):
    """Sides that are whole numbers of tiles: only where four blocks meet their shares differ."""
    recipe = DenoiseRecipe(checkpoint="tiny", sigma_255=10.0)
    image = picture(24 * 6 + 4, 24 * 6 + 4)
    (result,) = photos.denoise(recipe, image).images()
    monkeypatch.setattr(blocks, "MAX_BLOCK_PX", 500)
    (expected,) = photos.denoise(recipe, image).images()
    difference = abs(values(result) - values(expected))
    assert difference.max() <= 4 and (difference > 0).mean() < 0.1
    assert difference[:72].max() <= 1


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("reduce_first", [False, True])
def test_an_enlarged_large_picture_reduces_to_itself(
    photos, large, monkeypatch, factor, reduce_first
):
    monkeypatch.setattr(restoring, "CONTEXT_PX", 4)
    image = picture(91 // (1 if reduce_first else factor), 62 // (1 if reduce_first else factor))
    recipe = UpscaleRecipe(
        checkpoint="tiny", factor=factor, num_steps=2, reduce_first=reduce_first
    )
    run = photos.upscale(recipe, image)
    (result,) = run.images()
    assert isinstance(run, PieceRun) and run.metrics["consistency_255"] <= 1
    if reduce_first:
        assert result.size == (91 // factor * factor, 62 // factor * factor)
        assert run.original.size == result.size and run.metrics["baseline"] == "bicubic"
    else:
        assert result.size == (image.width * factor, image.height * factor)
        assert abs(values(result.reduce(factor)) - values(image)).max() <= 1
    assert run.observed.size == result.size


def test_noise_is_estimated_over_the_picture(photos, large):
    flat = np.full((200, 300, 3), 120.0) + np.random.default_rng(0).normal(0, 20, (200, 300, 3))
    image = Image.fromarray(flat.round().clip(0, 255).astype(np.uint8))
    run = photos.denoise(DenoiseRecipe(checkpoint="tiny"), image)
    assert run.metrics == {} and run._setup.facts["sigma_estimated"]
    assert run._setup.facts["sigma_255"] == pytest.approx(20, rel=0.1)
    places = sample_windows(5000, 700, 512, 3)
    assert len(places) == 6 and {(place.height, place.width) for place in places} == {(512, 512)}
    assert max(place.bottom for place in places) == 5000
    assert [(place.height, place.width) for place in sample_windows(90, 700)] == [(90, 512)] * 2


def coloured(width, height):
    """Noise of sigma 20 under subsampled colours, as a camera's files have it."""
    random = np.random.default_rng(2)
    smooth = np.asarray(picture(width, height).reduce(4).resize((width, height))).astype(float)
    noisy = (smooth + random.normal(0, 20, smooth.shape)).round().clip(0, 255)
    file = io.BytesIO()
    Image.fromarray(noisy.astype(np.uint8)).save(file, "JPEG", quality=90)
    return Image.open(file)


def test_noise_of_a_camera_is_found_in_a_large_picture(photos, pointwise, large, monkeypatch):
    """A spectrum, not a number, and blocks that give what one block gives."""
    image = coloured(170, 130)
    run = photos.denoise(DenoiseRecipe(checkpoint="tiny"), image)
    (result,) = run.images()
    assert isinstance(run, PieceRun) and len(run._setup.steps.pieces) > 3
    assert run._setup.facts["sigma_255"] > 8
    assert run.last.num_evaluations == len(run._setup.steps.pieces)
    assert run.beside()["removed"].size == image.size
    monkeypatch.setattr(blocks, "MAX_BLOCK_PX", 500)
    (expected,) = photos.denoise(DenoiseRecipe(checkpoint="tiny"), image).images()
    difference = abs(values(result) - values(expected))
    assert difference.max() <= 1 and difference.mean() < 0.1
    assert abs(values(result) - values(image)).mean() > 1


def test_artefacts_of_a_large_picture_are_those_of_the_whole(
    photos, pointwise, large, monkeypatch
):
    """Blocks lie on the compression's own."""
    smooth = np.asarray(picture(170, 130).reduce(5).resize((170, 130))).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(smooth).save(file, "JPEG", quality=30)
    recipe, image = DenoiseRecipe(checkpoint="tiny", artefacts=True), Image.open(file)
    run = photos.denoise(recipe, image)
    (result,) = run.images()
    pieces = run._setup.steps.pieces
    assert len(pieces) > 3
    assert all(piece.window.left % 16 == piece.window.top % 16 == 0 for piece in pieces)
    monkeypatch.setattr(blocks, "MAX_BLOCK_PX", 500)
    (expected,) = photos.denoise(recipe, image).images()
    difference = abs(values(result) - values(expected))
    assert difference.max() <= 1 and difference.mean() < 0.1
    assert abs(values(result) - values(image)).mean() > 1


def test_the_work_for_a_camera_s_noise_is_known(photos, large):
    run = photos.denoise(DenoiseRecipe(checkpoint="tiny"), coloured(100, 76))
    assert run._setup.facts["sigma_255"] > 8
    run.images()
    assert run.progress.seen_pixels == run.progress.expected > 0


def test_a_large_picture_without_noise_comes_back_as_it_is(photos, large):
    pixels = np.kron(np.random.default_rng(0).integers(0, 255, (16, 24, 3)), np.ones((8, 8, 1)))
    image = Image.fromarray(pixels.astype(np.uint8))
    run = photos.denoise(DenoiseRecipe(checkpoint="tiny"), image)
    (result,) = run.images()
    assert np.array_equal(values(result), values(image)) and run.progress.expected == 0
    assert run.progress.snapshot().share in (0, 1)


def test_a_large_grey_picture_in_colours_is_grey(photos, pointwise, large):
    grey = picture(90, 70, mode="L")
    plain, disguised = (
        photos.denoise(DenoiseRecipe(checkpoint="tiny", sigma_255=10.0, amount=0.5), image)
        for image in (grey, grey.convert("RGB"))
    )
    (a,), (b,) = plain.images(), disguised.images()
    assert np.array_equal(values(b.convert("L")), values(a))


def test_what_is_too_large_for_the_memory_is_said(photos, monkeypatch):
    monkeypatch.setattr(fit, "MAX_MEGAPIXELS", 0.01)
    with pytest.raises(UserError) as caught:
        photos.denoise(DenoiseRecipe(checkpoint="tiny"), picture(200, 100))
    assert caught.value.key == "restoration_too_large"


def test_a_stopped_run_has_the_blocks_that_were_done(photos, large):
    image = picture(200, 150)
    run = photos.denoise(DenoiseRecipe(checkpoint="tiny", sigma_255=10.0), image)
    for step in run:
        if step.index == 3:
            run.stop()
    (result,) = run.images()
    changed = (values(result) != values(image)).any(-1)
    assert changed[:70, :70].mean() > 0.9 and not changed[-40:, -40:].any()


@pytest.mark.parametrize(
    "recipe",
    [
        DenoiseRecipe(checkpoint="tiny", sigma_255=10.0),
        DenoiseRecipe(checkpoint="tiny", sigma_255=10.0, perception=1.0, num_steps=2),
        UpscaleRecipe(checkpoint="tiny", factor=2, num_steps=2),
    ],
    ids=lambda recipe: recipe.task,
)
@pytest.mark.parametrize("side", [12, 40, 60])
def test_the_work_of_a_run_is_known_before_it_starts(photos, large, recipe, side):
    """At once, in tiles, and in blocks."""
    run = photos.run(recipe, image=picture(side, side - 3))
    assert run.progress.snapshot().share == 0
    run.images()
    assert run.progress.seen_pixels == run.progress.expected
    assert run.progress.snapshot().share == 1
    assert seconds(photos.denoiser, run.progress.expected) > 0


@pytest.mark.parametrize("task", ["upscale", "deblur"])
@pytest.mark.parametrize(("perception", "chains", "steps"), [(0, 2, 6), (0.5, 2, 6), (1, 1, 12)])
def test_hours_are_made_a_quarter(photos, large, task, perception, chains, steps):
    """What is small has four chains of twelve evaluations behind a mean."""
    shared = {"checkpoint": "tiny", "perception": perception}
    if task == "upscale":
        run = photos.upscale(UpscaleRecipe(**shared, factor=2), picture(40, 30))
    else:
        run = photos.deblur(DeblurRecipe(**shared), picture(80, 60))
    pieces = run._setup.steps.pieces
    (result,) = run.images()
    assert result.size == (80, 60) and isinstance(run, PieceRun)
    assert run.last.num_evaluations == len(pieces) * chains * steps
    assert (run.mean() is not None) == (chains > 1)
