"""What of an interpolation stands on the stage: in-betweens along their path, and in motion."""

from __future__ import annotations

import html
from typing import Any

from ....process.frames import Frames
from ....texts import LANGUAGES, text
from ...components.notice import notice_html
from ...errors import sentence
from ...exports import thin
from ...sessions import RunRecord
from ...stage_view import MAX_SAMPLES, Captions, Shown, in_all
from ...stream import sheet_columns
from .ends import LETTERS
from .moving import is_complete, moving_picture

ANIMATION = "animation"


def shown_of(record: RunRecord) -> Shown:
    """Every picture of the run, evenly thinned to what a page is given; of a run stopped early
    those of its ends."""
    count = len(record.images)
    indices = thin(range(count), MAX_SAMPLES)
    if not is_complete(record):
        return Shown(samples=[record.images[k] for k in indices], indices=indices)
    chosen, columns = len(indices) // 2, 0
    if count <= MAX_SAMPLES:
        frames = _frames(record)
        columns, chosen = _columns(record), frames.num_frames // 2 * frames.num_samples
    return Shown(
        samples=[record.images[k] for k in indices],
        captions=[captions(record, k) for k in indices],
        layer="",
        chosen=chosen,
        indices=indices,
        columns=columns,
        is_path=True,
        moving=(ANIMATION, in_all("interpolate.animation"), lambda: moving_picture(record)),
    )


def _frames(record: RunRecord) -> Frames:
    recipe: Any = record.job.recipe
    return recipe.frames


def _columns(record: RunRecord) -> int:
    """Of the sheet: a grid as it lies between its corners; the samples of a frame side by side."""
    frames, (width, height) = _frames(record), record.images[0].size
    samples = frames.num_samples
    if frames.is_grid:
        return frames.side * samples
    return sheet_columns(frames.num_frames, (samples * width, height)) * samples


def captions(record: RunRecord, index: int) -> Captions:
    """Which in-between a picture is, in every language."""
    return {language: caption(record, index, language) for language in LANGUAGES}


def caption(record: RunRecord, index: int, language: str) -> str:
    """ "Frame 2 of 4: 67 % A, 33 % B", or its place in the grid; which of its samples it is."""
    frames = _frames(record)
    frame, sample = divmod(index, frames.num_samples)
    row, column = divmod(frame, frames.side)
    share = round(100 * column / (frames.side - 1))
    told: dict[str, Any] = {"index": column + 1, "a": 100 - share, "b": share}
    key = "interpolate.share"
    if frames.is_grid:
        key, told = "interpolate.place", {"column": column + 1, "row": row + 1}
    said = text(language, key, total=frames.side, **told)
    if frames.num_samples == 1:
        return said
    which = text(language, "interpolate.sample", index=sample + 1, total=frames.num_samples)
    return text(language, "common.status_join").join([said, which])


def report_html(record: RunRecord, index: int, language: str) -> str:
    """How near each picture came back after the inversion, and what was done to the pictures."""
    if not is_complete(record):
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
    return said + (f'<div class="ends-back"><p>{title}</p>{lines}</div>' if items else "")


def _errors(record: RunRecord) -> list[tuple[str, float, float]]:
    """(letter, MSE, PSNR) of each end that is a picture."""
    from ....core.inversion import psnr_of

    recipe: Any = record.job.recipe
    if recipe.method != "ddim":
        return []
    found = record.metadata[0]["reconstruction_mse"]
    ends = zip(LETTERS, found, strict=False)
    return [(letter.upper(), mse, psnr_of(mse)) for letter, mse in ends if mse is not None]
