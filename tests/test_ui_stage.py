"""The stage without a browser: what it tells the page, and what it believes of the page."""

import base64
import errno
import io
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.texts import LANGUAGES, text
from ddpm_demo.ui.stage import Said, Stage, head, read_said, renditions, scene
from ddpm_demo.ui.stage.later import Later
from ddpm_demo.ui.stage.renditions import LATER, SCREEN_EDGE, preview, rendition
from ddpm_demo.ui.stream import sheet_of
from ddpm_demo.ui.uploads import EXAMPLES_FOLDER


def picture(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def pixels(file):
    with Image.open(file["path"]) as image:
        return np.asarray(image)


LARGE = 1800, 1500


def test_a_large_picture_is_shown_before_its_file_is_written(tmp_path, monkeypatch):
    goes_on = threading.Event()
    real = renditions._encoded

    def slow(image, options):
        if image.size == LARGE:
            goes_on.wait(60)
        return real(image, options)

    monkeypatch.setattr(renditions, "_encoded", slow)
    image = picture(*LARGE)
    shown = rendition(image, tmp_path)
    again = rendition(image, tmp_path)
    whole = Path(shown["full"]["path"])
    assert again["full"] == shown["full"] and not whole.exists()
    with Image.open(shown["small"]["path"]) as small:
        assert max(small.size) == SCREEN_EDGE
    goes_on.set()
    assert LATER.wait(60)
    np.testing.assert_array_equal(pixels(shown["full"]), np.asarray(image))
    written = whole.stat().st_mtime_ns
    os.utime(whole, ns=(0, 0))
    assert rendition(image, tmp_path) == shown and whole.stat().st_mtime_ns >= written
    assert rendition(picture(*LARGE, seed=1), tmp_path)["full"] != shown["full"]
    assert rendition(image, tmp_path, recipe={"seed": 1})["full"] != shown["full"]
    assert LATER.wait(60) and not list(tmp_path.rglob("*.part"))


def test_a_file_that_somebody_reads_is_there_at_once(tmp_path):
    shown = rendition(picture(*LARGE), tmp_path, at_once=True)
    assert Path(shown["full"]["path"]).exists()


def test_what_cannot_be_written_later_leaves_nothing_and_stops_nobody(tmp_path):
    def full():
        raise OSError(errno.ENOSPC, "no room")

    later = Later(max_pixels=10)
    later.write(tmp_path / "a" / "one.png", 4, full)
    later.write(tmp_path / "b" / "two.png", 4, lambda: b"two")
    later.write(tmp_path / "c" / "three.png", 11, lambda: b"three")  # more than may wait
    assert (tmp_path / "c" / "three.png").read_bytes() == b"three"
    assert later.wait(60)
    assert not (tmp_path / "a").exists() and (tmp_path / "b" / "two.png").read_bytes() == b"two"


@pytest.fixture
def uploaded(tmp_path, monkeypatch):
    folder = tmp_path / "uploads"
    (folder / "ab").mkdir(parents=True)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    assert str(folder) == get_upload_folder()
    path = folder / "ab" / "photo.png"
    picture(4, 3).save(path)
    return path


def test_a_small_picture_is_one_file_with_its_own_pixels(tmp_path):
    image = picture(64, 48)
    shown = rendition(image, tmp_path, "sample-1.png")
    assert (shown["width"], shown["height"]) == (64, 48) and "small" not in shown
    assert shown["full"]["path"].endswith("/sample-1.png")
    assert np.array_equal(pixels(shown["full"]), np.asarray(image))


@pytest.mark.parametrize("size", [(3200, 2400), (1200, 4000)])
def test_a_large_picture_comes_small_first_and_keeps_all_its_pixels(tmp_path, size):
    image = picture(*size)
    shown = rendition(image, tmp_path)
    assert LATER.wait(60)
    assert np.array_equal(pixels(shown["full"]), np.asarray(image))
    with Image.open(shown["small"]["path"]) as small:
        assert max(small.size) == SCREEN_EDGE and small.format == "JPEG"
        assert small.width / small.height == pytest.approx(size[0] / size[1], rel=2e-3)


def test_a_name_cannot_lead_out_of_the_cache(tmp_path):
    cache = tmp_path / "cache"
    shown = rendition(picture(2, 2), cache, "../../outside.png")
    assert shown["full"]["path"].startswith(str(cache.resolve()))
    assert not (tmp_path / "outside.png").exists()


def test_the_same_picture_is_one_file(tmp_path):
    first, second = (rendition(picture(8, 8), tmp_path, "a.png") for _ in range(2))
    assert first == second and len(list(tmp_path.iterdir())) == 1


def test_previews_of_small_pictures_are_exact_and_of_large_ones_small():
    image = picture(64, 64)
    shown = preview(image)
    content = base64.b64decode(shown["data"].partition(",")[2])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), np.asarray(image))
    large = preview(Image.new("RGB", (4032, 3024), "grey"))
    assert (large["width"], large["height"]) == (4032, 3024)
    assert large["data"].startswith("data:image/jpeg") and len(large["data"]) < 400_000


@pytest.mark.parametrize("side", [32, 128])
def test_the_empty_places_of_a_sheet_stay_empty_in_its_preview(side):
    sheet = sheet_of([Image.new("RGB", (side, side), "white")] * 5, 3)
    content = base64.b64decode(preview(sheet)["data"].partition(",")[2])
    shown = Image.open(io.BytesIO(content)).convert("RGBA")
    assert shown.getpixel((side // 2, side // 2)) == (255, 255, 255, 255)
    assert shown.getpixel((2 * side + side // 2, side + side // 2))[3] == 0


def test_scenes_are_json_and_no_two_are_the_same(tmp_path):
    shown = rendition(picture(8, 8), tmp_path)
    first, second = scene.result([shown]), scene.result([shown])
    assert json.loads(json.dumps(first)) == first
    assert second["number"] > first["number"]
    assert {**first, "number": 0} == {**second, "number": 0}


@pytest.mark.parametrize(
    ("told", "share"),
    [
        ({"step": 5, "num_steps": 20}, 0.25),
        ({"step": 5, "num_steps": 20, "tile": 3, "num_tiles": 12}, 5.25 / 20),
        ({"step": 5, "num_steps": 20, "share": 0.9}, 0.9),
        ({"words": "Place 2 in the queue"}, None),
        ({"step": 20, "num_steps": 20, "tile": 1, "num_tiles": 2}, 1.0),
    ],
)
def test_the_share_of_a_run_counts_tiles(told, share):
    assert scene.progress(**told)["progress"]["share"] == pytest.approx(share)


def test_layers_and_before_are_one_for_all_or_one_each(tmp_path):
    one, two = (rendition(picture(8, 8, seed), tmp_path) for seed in range(2))
    told = scene.result([one, two], before=one, layers={"mean": ("Mean", [one, two])})
    assert told["before"] == [one] and told["layers"][0]["pictures"] == [one, two]
    with pytest.raises(ValueError, match="3 pictures for 2 samples"):
        scene.result([one, two], before=[one] * 3)


def test_what_the_page_says_is_read(uploaded):
    said = {
        "upload": {"path": str(uploaded), "name": "../my photo.jpg", "turn": 3},
        "mask": {"path": str(uploaded), "filled": 0.25},
        "sample": 2,
        "step": 7,
        "layer": "mean",
    }
    assert read_said(said) == Said(uploaded, "my photo.jpg", uploaded, 0.25, 2, 7, "mean", 3)
    example = next(EXAMPLES_FOLDER.glob("*.png"))
    assert read_said({"upload": {"path": str(example)}}).upload == example.resolve()


@pytest.mark.parametrize("part", ["upload", "mask"])
@pytest.mark.parametrize("path", ["/etc/passwd", "photo.png", "{folder}", "{folder}/no", 3, ["x"]])
def test_files_that_are_no_uploads_are_refused(uploaded, part, path):
    if isinstance(path, str):
        path = path.format(folder=uploaded.parent)
    with pytest.raises(UserError, match="Upload the file here first"):
        read_said({part: {"path": path}})


def test_a_link_out_of_the_uploads_is_refused(uploaded, tmp_path):
    secret = tmp_path / "secret.png"
    picture(2, 2).save(secret)
    link = uploaded.parent / "link.png"
    link.symlink_to(secret)
    with pytest.raises(UserError, match="Upload the file here first"):
        read_said({"upload": {"path": str(link)}})


@pytest.mark.parametrize(
    "said",
    [None, [], "x", {}, {"upload": 3, "mask": "x"}, {"sample": -1, "step": "2", "layer": 3}]
    + [{"sample": True, "mask": {"filled": 7}}, {"step": 10**9, "mask": {"filled": float("nan")}}],
)
def test_nonsense_is_nothing_said(said):
    assert read_said(said) == Said()


def test_the_head_has_every_text_and_cannot_be_left():
    script = head()
    assert script.startswith("<script>") and script.endswith("</script>")
    assert "</" not in script[8:-9]
    for language in LANGUAGES:
        assert json.dumps(text(language, "stage.fit"), ensure_ascii=False) in script


def test_a_stage_answers_with_scenes_and_offers_its_events():
    import gradio as gr

    with gr.Blocks():
        stage = Stage("denoise", "picture+mask")
        for event in (stage.on_upload, stage.on_mask, stage.on_select, stage.on_step):
            event(lambda said: None, stage.said, None)
        stage.on_clear(lambda said: None, stage.said, None)
    mask = Image.fromarray(np.eye(6, dtype=np.uint8) * 255)
    told = stage.show(picture(6, 6), name="my photo.jpg", mask=mask)
    assert told["picture"]["full"]["path"].endswith("/my photo.png")
    assert np.array_equal(pixels(told["mask"]["full"]), np.asarray(mask))
    assert "mask" not in stage.show(picture(6, 6))
    assert stage.show(None, clear_mask=True)["mask"] is None
    told = stage.result([picture(6, 6), picture(6, 6, 1)], before=picture(6, 6), num_steps=5)
    assert len(told["samples"]) == 2 and told["num_steps"] == 5
    assert stage.progress(picture(6, 6), step=1, num_steps=4)["progress"]["share"] == 0.25
