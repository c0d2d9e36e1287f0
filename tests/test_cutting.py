"""Inpainting hole by hole: what is cut out, what comes back, and what does not matter."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from ddpm_demo import DDPM, InpaintRecipe, UserError
from ddpm_demo.pictures.similarity import psnr, ssim
from ddpm_demo.restoration import canvas as canvases
from ddpm_demo.restoration import coarse_to_fine, cutting, fit, inpainting
from ddpm_demo.restoration.canvas import Canvas, from_pixels, to_pixels
from ddpm_demo.restoration.coarse_to_fine import factors_for, missing_sigma, reduce_known
from ddpm_demo.restoration.cutting import find_cuts
from ddpm_demo.restoration.similarity import joined, likeness
from ddpm_demo.restoration.spectrum import PHOTO
from ddpm_demo.restoration.window import Window


@pytest.fixture(scope="module")
def photos(tiny_checkpoint, tmp_path_factory):
    """The tiny network as a prior of photographs, in tiles of 16."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("photo") / "tiny-photo")
    card = "---\nprior: photo\ntile_px: 16\noverlap_px: 4\n---\n"
    (folder / "README.md").write_text(card)
    return DDPM.from_pretrained(str(folder), "cpu")


@pytest.fixture
def narrow(monkeypatch):
    """As if pictures and holes were large: small margins, parts and limits."""
    monkeypatch.setattr(inpainting, "MARGIN_PX", 4)
    monkeypatch.setattr(inpainting, "MAX_WHOLE_PX", 16)
    monkeypatch.setattr(inpainting, "MIN_SEEN_PX", 4)
    monkeypatch.setattr(cutting, "MAX_BOX_PX", 24)


def picture(width, height, seed=0, mode="RGB"):
    shape = (height, width) if mode == "L" else (height, width, 3)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def boxes(size, *places):
    hole = np.zeros((size[1], size[0]), bool)
    for left, top, right, bottom in places:
        hole[top:bottom, left:right] = True
    return hole


def a_recipe(**fields):
    return InpaintRecipe(**{"checkpoint": "tiny", "num_steps": 3, **fields})


def mask_of(hole):
    return Image.fromarray(hole.astype(np.uint8) * 255)


def randomly(size, seed):
    """Blobs, strokes and dots."""
    random = np.random.default_rng(seed)
    hole = np.zeros((size[1], size[0]), bool)
    for _ in range(12):
        top, left = random.integers(0, size[1]), random.integers(0, size[0])
        hole[top : top + random.integers(1, 60), left : left + random.integers(1, 200)] = True
    hole[random.integers(0, size[1], 20), random.integers(0, size[0], 20)] = True
    return hole


@pytest.mark.parametrize("seed", range(6))
def test_cuts_fill_every_pixel_of_the_holes_once(monkeypatch, seed):
    monkeypatch.setattr(cutting, "MAX_BOX_PX", 72)
    hole = randomly((701, 403), seed)
    filled = np.zeros(hole.shape, int)
    for cut in find_cuts(hole, 1, 18):
        assert max(cut.box.height, cut.box.width) <= 72 and cut.own.shape == (
            cut.box.height,
            cut.box.width,
        )
        assert cut.own.any(0)[[0, -1]].all() and cut.own.any(1)[[0, -1]].all()
        filled[cut.box.slices] += cut.own
    assert (filled == hole).all()


def test_near_holes_are_cut_together_and_far_ones_apart():
    near = boxes((600, 400), (100, 100, 130, 130), (140, 100, 160, 130))
    assert [cut.box for cut in find_cuts(near, 1)] == [Window(100, 100, 30, 60)]
    far = boxes((600, 400), (100, 100, 130, 130), (300, 100, 320, 130))
    assert [cut.box for cut in find_cuts(far, 1)] == [
        Window(100, 100, 30, 30),
        Window(100, 300, 30, 20),
    ]


def test_many_chains_take_smaller_parts():
    hole = boxes((1000, 1000), (100, 100, 700, 700))
    few, many = find_cuts(hole, 1), find_cuts(hole, 32)
    assert len(few) == 4 and len(many) > 4
    pixels = max((c.box.height + 36) * (c.box.width + 36) * 32 for c in many)
    assert pixels <= cutting.MAX_CHAIN_PIXELS


@pytest.mark.parametrize(
    "place, width",
    [((200, 200, 264, 264), 64), ((100, 200, 460, 204), 4), ((0, 100, 64, 400), 128)],
)
def test_a_hole_is_as_wide_as_its_rims_are_apart(place, width):
    """At the picture's edge there is no rim: the hole is as wide as if it went on."""
    (cut,) = find_cuts(boxes((700, 500), place), 1)
    assert cut.width_px == pytest.approx(width, abs=2)


def test_wide_holes_go_from_coarse_to_fine_as_far_as_the_picture_goes():
    assert factors_for(40) == [1] and factors_for(41) == [2, 1]
    assert factors_for(256) == [8, 4, 2, 1]
    assert factors_for(256, max_factor=5) == [4, 2, 1]


def test_reducing_takes_means_of_what_is_known():
    y = torch.arange(32.0).view(1, 1, 4, 8)
    known = torch.ones(1, 1, 4, 8)
    known[..., :2, 2:4] = 0
    known[..., 0, 4] = 0
    mean, seen = reduce_known(y * known, known, 2)
    assert mean[0, 0, 0, 0] == y[0, 0, :2, :2].mean()
    assert mean[0, 0, 0, 2] == pytest.approx((y[0, 0, :2, 4:6].sum() - y[0, 0, 0, 4]).item() / 3)
    assert seen[0, 0].tolist() == [[1, 0, 1, 1], [1, 1, 1, 1]]


def test_the_noise_before_refining_hides_what_is_missing():
    sigma = missing_sigma(PHOTO, 2)
    assert sigma**2 == pytest.approx(float(PHOTO.laws[0].at(torch.tensor(0.25))))
    assert missing_sigma(PHOTO, 4) > sigma


@pytest.mark.parametrize("perception, num_images", [(1.0, 2), (0.5, 1), (0.0, 1)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_known_pixels_are_the_uploads_and_steps_count_up(
    photos, narrow, perception, num_images, mode
):
    image = picture(130, 90, mode=mode)
    hole = boxes(image.size, (4, 5, 9, 60), (60, 20, 100, 60), (126, 86, 130, 90))
    recipe = a_recipe(perception=perception, num_images=num_images)
    run = photos.inpaint(recipe, image, mask_of(hole))
    steps = list(run)
    assert [s.index for s in steps] == list(range(steps[0].num_steps + 1)) and steps[-1].is_last
    assert all(tuple(s.x0_hat.shape) == (num_images, 3, 90, 130) for s in steps)
    results = run.images()
    assert len(results) == num_images
    for result in results:
        assert result.mode == mode and result.size == image.size
        changed = (np.asarray(result) != np.asarray(image)).reshape(90, 130, -1).any(-1)
        assert not changed[~hole].any() and changed[hole].mean() > 0.9
    if mode == "RGB":
        assert (steps[-1].x0_hat[0] == from_pixels(np.asarray(results[0]), 3)[0]).all()
    found = psnr(from_pixels(np.asarray(results[0]), 3), from_pixels(np.asarray(image), 3))
    assert run.metrics["psnr"] == pytest.approx(found, abs=1e-4)
    has_spread = perception < 1 or num_images > 1
    assert (run.uncertainty() is not None) == has_spread
    if has_spread:
        assert not np.asarray(run.uncertainty())[~hole].any()
        assert not (np.asarray(run.mean()) != np.asarray(image)).reshape(90, 130, -1)[~hole].any()


def test_the_size_of_the_picture_changes_nothing(photos, narrow):
    """The same hole with the same surroundings in a small and in a large picture, without noise:
    noise is looked for further around, where there is more of it to tell from."""
    large = picture(20, 15).resize((400, 300), Image.Resampling.BICUBIC)
    hole = boxes((400, 300), (200, 150, 220, 168))
    inside = (160, 112, 264, 216)
    rows, columns = slice(112, 216), slice(160, 264)
    counts = []

    def filled(image, mask):
        run = photos.inpaint(a_recipe(), image, mask_of(mask))
        result = np.asarray(run.images()[0])
        counts.append((run.progress.snapshot().evaluations, run.progress.seen_pixels))
        return result

    whole = filled(large, hole)
    small = filled(large.crop(inside), hole[rows, columns])
    assert (whole[rows, columns] == small).all() and counts[0] == counts[1]


def test_parts_of_a_large_hole_know_of_each_other(photos, narrow, monkeypatch):
    """What was filled before is known to what is filled next, chain by chain."""
    seen = []
    real = inpainting._Filling._seen

    def spy(self, window):
        y, known = real(self, window)
        seen.append((window, y.clone(), known.clone()))
        return y, known

    monkeypatch.setattr(inpainting._Filling, "_seen", spy)
    image, hole = picture(140, 60), boxes((140, 60), (20, 20, 100, 40))
    run = photos.inpaint(a_recipe(num_images=2), image, mask_of(hole))
    results = run.images()
    assert len(run._setup.steps.pieces) == 4
    window, y, known = seen[-1]
    common = window.slices
    filled_before = (known[0, 0].numpy() > 0) & hole[common]
    assert filled_before.any() and len(y) == 2
    for own, result in zip(y, results, strict=True):
        pixels = to_pixels(own, False, np.dtype(np.uint8))
        assert (pixels[filled_before] == np.asarray(result)[common][filled_before]).all()


def test_a_large_picture_is_shown_reduced_and_given_at_its_own_size(photos, narrow, monkeypatch):
    monkeypatch.setattr(fit, "WHOLE_PIXELS", 10_000)
    monkeypatch.setattr(canvases, "SHOWN_PIXELS", 2_000)
    image, hole = picture(150, 100), boxes((150, 100), (60, 40, 80, 60))
    run = photos.inpaint(a_recipe(), image, mask_of(hole))
    for step in run:
        assert step.x0_hat.shape[-2:] == step.x_t.shape[-2:] == (34, 50)
        (shown,) = run.pictures(step)
        changed = (np.asarray(shown) != np.asarray(image)).any(-1)
        assert shown.size == (150, 100) and changed[hole].any() and not changed[~hole].any()
    whole = photos.inpaint(a_recipe(), image, mask_of(hole))
    monkeypatch.setattr(fit, "WHOLE_PIXELS", 10**6)
    assert run.images()[0].tobytes() == whole.images()[0].tobytes()
    assert np.asarray(run.observed)[50, 70].tolist() == [128] * 3


def test_a_stopped_run_has_the_holes_that_were_filled(photos, narrow):
    image = picture(150, 60)
    hole = boxes((150, 60), (10, 10, 20, 20), (110, 30, 120, 40))
    run = photos.inpaint(a_recipe(num_steps=4), image, mask_of(hole))
    for step in run:
        if step.index == 6:
            run.stop()
    (result,) = run.images()
    changed = (np.asarray(result) != np.asarray(image)).any(-1)
    assert changed[:, :60].any() and changed[:, 60:].any() and not changed[~hole].any()
    assert run.metrics == {} and run.mean() is None


def test_sixteen_bits_keep_sixteen_bits():
    pixels = np.random.default_rng(0).integers(0, 65536, (20, 30, 3)).astype(np.uint16)
    canvas = Canvas(pixels, 1, 3)
    x = torch.zeros(1, 3, 5, 6) + 1 / 3
    weight = np.zeros((5, 6), np.float32)
    weight[1:3, 1:3] = 1
    weight[4, 4] = 0.5
    canvas.write(Window(2, 3, 5, 6), weight, x)
    result = canvas.images[0]
    assert (result[3:5, 4:6] == round((1 / 3 + 1) * 65535 / 2)).all()
    changed = (result != pixels).any(-1)
    assert changed[6, 7] and changed.sum() <= 5
    assert (to_pixels(from_pixels(pixels, 3)[0], False, pixels.dtype) == pixels).all()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_likeness_of_strips_and_windows_is_that_of_the_whole(monkeypatch, mode):
    monkeypatch.setattr("ddpm_demo.restoration.similarity.STRIP_ROWS", 16)
    a = np.asarray(picture(90, 70, mode=mode))
    b = a.copy()
    windows = [Window(0, 0, 9, 4), Window(30, 40, 20, 20), Window(45, 55, 25, 35)]
    for window in windows:
        b[window.slices] = 255 - b[window.slices]
    x, y = (from_pixels(v, 3 if mode == "RGB" else 1) for v in (a, b))
    for changed in (None, windows):
        found = likeness(a, b, changed)
        assert found.psnr == pytest.approx(psnr(x, y), abs=1e-4)
        assert found.ssim == pytest.approx(ssim(x, y), abs=1e-6)
    assert likeness(a, a).psnr == 100 and likeness(a, a, []).ssim == 1
    assert len(joined(windows)) == 2
    # Of large ones every second place counts, wherever strips begin; of windows in them all do.
    monkeypatch.setattr("ddpm_demo.restoration.similarity.MANY_PIXELS", 1000)
    assert likeness(a, b).ssim == pytest.approx(ssim(x, y, 2), abs=1e-2)
    assert likeness(a, b, windows).ssim == pytest.approx(ssim(x, y), abs=1e-6)


def test_a_hole_all_around_is_filled_from_one_view_to_the_next(photos, narrow):
    """Sides that no reduced pixel divides, and a picture with little known of it."""
    image, hole = picture(83, 61), ~boxes((83, 61), (30, 20, 53, 41))
    run = photos.inpaint(a_recipe(perception=1.0), image, mask_of(hole))
    result = np.asarray(run.images()[0])
    assert (result[~hole] == np.asarray(image)[~hole]).all()
    assert coarse_to_fine.factors_for(40, max_factor=61 // 4) == [1]


def test_feathering_that_leaves_nothing_to_go_by_is_refused(photos):
    hole = boxes((40, 30), (10, 10, 30, 20))
    with pytest.raises(UserError) as caught:
        photos.inpaint(a_recipe(feather_px=20), picture(40, 30), mask_of(hole))
    assert caught.value.key == "mask_full_feathered"
