"""Animations: frames, order and durations as asked for."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from ddpm_demo.errors import UserError
from ddpm_demo.pictures.animation import animate, check_format, frame_indices


def levels(content):
    """(grey level, milliseconds) of every frame."""
    image = Image.open(io.BytesIO(content))
    found = []
    for index in range(image.n_frames):
        image.seek(index)
        found.append((int(np.asarray(image.convert("L")).mean().round()), image.info["duration"]))
    return found


@pytest.fixture
def frames():
    return [Image.new("L", (16, 16), level) for level in (0, 100, 200)]


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_frames_come_in_order_and_the_last_one_stays(frames, format):
    content = animate(frames, format, fps=10, hold_seconds=0.5)
    found = levels(content)
    assert [level for level, _ in found] == pytest.approx([0, 100, 200], abs=3)
    assert [milliseconds for _, milliseconds in found] == [100, 100, 600]
    assert Image.open(io.BytesIO(content)).info["loop"] == 0


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_there_and_back_repeats_neither_end(frames, format):
    found = levels(animate(frames, format, fps=10, there_and_back=True))
    assert [level for level, _ in found] == pytest.approx([0, 100, 200, 100], abs=3)
    assert {milliseconds for _, milliseconds in found} == {100}


def test_one_frame_and_enlarged_pixels(frames):
    image = Image.open(io.BytesIO(animate(frames[:1], "webp", enlarge=4, there_and_back=True)))
    assert image.size == (64, 64)


def test_mp4_is_made_by_ffmpeg_or_refused_in_a_sentence(frames):
    odd = [frame.resize((15, 17)) for frame in frames]
    if shutil.which("ffmpeg"):
        assert animate(odd, "mp4")[4:8] == b"ftyp"
    else:
        with pytest.raises(UserError, match="ffmpeg"):
            animate(odd, "mp4")


def test_without_ffmpeg_mp4_is_refused(frames, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError) as caught:
        check_format("mp4")
    assert caught.value.key == "ffmpeg_missing"


def test_an_ffmpeg_that_fails_gives_a_sentence(frames, monkeypatch, tmp_path):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError) as caught:
        animate(frames, "mp4")
    assert caught.value.key == "ffmpeg_failed"


def test_no_frames_and_unknown_formats_are_refused(frames):
    with pytest.raises(UserError, match="run first"):
        animate([], "gif")
    with pytest.raises(UserError, match="avi"):
        animate(frames, "avi")


@pytest.mark.parametrize(
    "num_steps, max_frames", [(1, 60), (20, 60), (59, 60), (1000, 60), (5, 2), (7, 1)]
)
def test_kept_steps_are_spread_from_the_first_to_the_last(num_steps, max_frames):
    kept = frame_indices(num_steps, max_frames)
    assert kept == sorted(set(kept)) and kept[-1] == num_steps
    assert len(kept) == min(num_steps + 1, max_frames)
    if max_frames > 1:
        assert kept[0] == 0
        gaps = np.diff(kept)
        assert gaps.max() - gaps.min() <= 1
