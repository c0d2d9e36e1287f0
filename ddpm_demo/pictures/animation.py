"""Animations of a run: GIF and WebP through Pillow, MP4 through ffmpeg where it is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ..errors import UserError

ANIMATION_FORMATS = ("gif", "webp", "mp4")
MAX_FRAMES = 60
_FFMPEG_SECONDS = 120


def frame_indices(num_steps: int, max_frames: int = MAX_FRAMES) -> list[int]:
    """Which of the states 0 to num_steps to keep: at most max_frames, evenly spread."""
    count = min(num_steps + 1, max_frames)
    if count < 2:
        return [num_steps]
    return [round(i * num_steps / (count - 1)) for i in range(count)]


def check_format(format: str) -> None:
    """Raise a `UserError` unless this machine can make such an animation."""
    if format not in ANIMATION_FORMATS:
        raise UserError(
            "animation_format_unknown",
            "The animation format “{format}” is not known; use one of {known}.",
            field="animation",
            format=format,
            known=", ".join(ANIMATION_FORMATS),
        )
    if format == "mp4" and shutil.which("ffmpeg") is None:
        raise UserError(
            "ffmpeg_missing",
            "MP4 needs the program ffmpeg, which is not installed here; choose GIF or WebP.",
            field="animation",
        )


def animate(
    frames: Sequence[Image.Image],
    format: str = "gif",
    *,
    fps: float = 12,
    there_and_back: bool = False,
    hold_seconds: float = 1.0,
    enlarge: int = 1,
) -> bytes:
    """The file of an animation that repeats for ever.

    Args:
        frames: at least one, all of one size and mode (L or RGB).
        format: one of `ANIMATION_FORMATS`; GIF has 256 colours a frame, WebP and MP4 are lossy.
        fps: frames a second, 1 to 50.
        there_and_back: play backwards after the last frame.
        hold_seconds: how much longer the last frame stays; not used with `there_and_back`.
        enlarge: whole factor by which pixels are repeated.

    Raises:
        UserError: no frames, unknown format, or no ffmpeg for MP4.
    """
    if not frames:
        raise UserError("animation_empty", "There are no steps to animate yet; run first.")
    check_format(format)
    fps = min(max(fps, 1), 50)
    frames = [_enlarged(frame, enlarge) for frame in frames]
    if there_and_back:
        frames += frames[-2:0:-1]
        hold_seconds = 0
    if format == "mp4":
        return _mp4(frames + [frames[-1]] * round(hold_seconds * fps), fps)
    durations = [round(1000 / fps)] * len(frames)
    durations[-1] += round(hold_seconds * 1000)
    options = {"quality": 90} if format == "webp" else {"optimize": False}
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        format=format.upper(),
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=0,
        **options,
    )
    return buffer.getvalue()


def _enlarged(frame: Image.Image, factor: int) -> Image.Image:
    if factor == 1:
        return frame
    return frame.resize((frame.width * factor, frame.height * factor), Image.Resampling.NEAREST)


def _mp4(frames: Sequence[Image.Image], fps: float) -> bytes:
    width, height = frames[0].size
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "animation.mp4"
        command = ["ffmpeg", "-v", "error", "-y"]
        command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
        command += ["-r", f"{fps:g}", "-i", "-"]
        # H.264 in 4:2:0, which every browser plays, needs even sides.
        command += ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"]
        command += ["-movflags", "+faststart", str(target)]
        pixels = b"".join(frame.convert("RGB").tobytes() for frame in frames)
        try:
            subprocess.run(
                command, input=pixels, check=True, capture_output=True, timeout=_FFMPEG_SECONDS
            )
            return target.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise UserError(
                "ffmpeg_failed",
                "ffmpeg could not make the MP4; choose GIF or WebP.",
                field="animation",
            ) from error
