"""What the tab shows of a finished interpolation, from its stored pictures alone."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ....texts import text
from ...components.live_view import animation_html, pane_html, picture_html
from ...components.notice import notice_html
from ...errors import sentence
from ...sessions import RunRecord
from ...stream import preview_grid
from .ends import LETTERS

if TYPE_CHECKING:
    from PIL import Image

    from ....tasks.interpolate import InterpolateRecipe

DEFAULT_FPS = 8
PREVIEW_SIDE_PX = 256
MAX_PREVIEW_FRAMES = 120


def is_complete(record: RunRecord | None) -> bool:
    """Whether there is a picture of every frame; a run stopped early has those of its ends."""
    if record is None:
        return False
    recipe: Any = record.job.recipe
    return len(record.images) == recipe.num_pictures


def options_of(record: RunRecord) -> dict[str, Any]:
    """{"there_and_back", "fps"} of the animation: what was asked for, or chosen since."""
    return {**record.job.inputs["animation"], **record.options}


def frame_at(record: RunRecord, column: int, row: int) -> int:
    """The frame at a place on the line (row 0) or in the grid."""
    recipe: Any = record.job.recipe
    side = recipe.num_between + 2
    column, row = (max(0, min(side - 1, int(place or 0))) for place in (column, row))
    return column if len(recipe.ends) == 2 else row * side + column


def frame_html(record: RunRecord | None, column: int, row: int, language: str) -> str:
    """The frame with its samples side by side; a hint while there is none."""
    caption = text(language, "interpolate.frame")
    if record is None or not is_complete(record):
        return pane_html(caption, _hint("interpolate.hint_frame", language), "frame")
    recipe: Any = record.job.recipe
    frame, samples = frame_at(record, column, row), recipe.samples_a_frame
    pictures = record.images[frame * samples : (frame + 1) * samples]
    caption = _frame_caption(recipe, frame, language)
    smooth = max(pictures[0].size) > 128
    return pane_html(caption, picture_html(preview_grid(pictures), caption, smooth), "frame")


def _frame_caption(recipe: InterpolateRecipe, frame: int, language: str) -> str:
    side = recipe.num_between + 2
    row, column = divmod(frame, side)
    if len(recipe.ends) == 4:
        return text(language, "interpolate.place", column=column + 1, row=row + 1, total=side)
    share = round(100 * column / (side - 1))
    return text(
        language, "interpolate.share", index=column + 1, total=side, a=100 - share, b=share
    )


def strip_html(record: RunRecord | None, language: str) -> str:
    """The whole line or grid as one picture."""
    if record is None or not is_complete(record):
        return ""
    from ....process.interpolation_run import strip

    recipe: Any = record.job.recipe
    key = "interpolate.strip" if len(recipe.ends) == 2 else "interpolate.grid"
    picture = strip(recipe, record.images)
    caption = text(language, key)
    shape = "wide" if picture.width > 3 * picture.height else "high"
    pane = pane_html(caption, picture_html(picture, caption, _smooth(record)), "strip")
    return f'<div class="film {shape}">{pane}</div>'


def moving_html(record: RunRecord | None, language: str) -> str:
    """The animation as it will be saved, at most 120 frames of it."""
    caption = text(language, "interpolate.animation")
    if record is None or not is_complete(record):
        return pane_html(caption, _hint("interpolate.hint_animation", language), "animation")
    options = options_of(record)
    frames = animation_frames(record, MAX_PREVIEW_FRAMES)
    factor = max(1, PREVIEW_SIDE_PX // max(frames[0].size))
    content = animation_bytes(frames, "webp", factor, options)
    size = (frames[0].width * factor, frames[0].height * factor)
    return pane_html(caption, animation_html(content, "webp", size, caption), "animation")


def animation_frames(record: RunRecord, limit: int | None = None) -> list[Image.Image]:
    """The first sample of each frame along the recipe's path, evenly thinned to `limit`."""
    recipe: Any = record.job.recipe
    path: Sequence[int] = recipe.path
    if limit is not None and len(path) > limit:
        path = [path[round(k * (len(path) - 1) / (limit - 1))] for k in range(limit)]
    return [record.images[frame * recipe.samples_a_frame] for frame in path]


def animation_bytes(
    frames: Sequence[Image.Image], kind: str, enlarge: int, options: dict[str, Any]
) -> bytes:
    """The file of the animation."""
    from ....pictures.animation import animate

    return animate(
        frames,
        kind,
        fps=options["fps"] or DEFAULT_FPS,
        there_and_back=bool(options["there_and_back"]),
        enlarge=enlarge,
    )


def report_html(record: RunRecord | None, language: str) -> str:
    """How near each picture came back after the inversion, and what was done to the pictures."""
    if record is None or not is_complete(record):
        return ""
    from ....process.interpolation_run import fitting_note

    items = [
        text(language, "interpolate.error", name=name, mse=f"{mse:.2g}", psnr=f"{psnr:.1f}")
        for name, mse, psnr in _errors(record)
    ]
    lines = f"<ul>{''.join(f'<li>{html.escape(item)}</li>' for item in items)}</ul>"
    note = fitting_note(record.job.inputs["images"], record.metadata[0]["size_px"])
    said = notice_html(sentence(note, language), "info") if note is not None else ""
    title = html.escape(text(language, "interpolate.errors"))
    return said + (f'<p class="list-title">{title}</p>{lines}' if items else "")


def _errors(record: RunRecord) -> list[tuple[str, float, float]]:
    """(letter, MSE, PSNR) of each end that is a picture."""
    from ....core.inversion import psnr_of

    recipe: Any = record.job.recipe
    if recipe.method != "ddim":
        return []
    found = record.metadata[0]["reconstruction_mse"]
    ends = zip(LETTERS, found, strict=False)
    return [(letter.upper(), mse, psnr_of(mse)) for letter, mse in ends if mse is not None]


def _smooth(record: RunRecord) -> bool:
    return max(record.images[0].size) > 128


def _hint(key: str, language: str) -> str:
    return f'<p class="live-hint">{html.escape(text(language, key))}</p>'
