"""The downloads of an interpolation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...exports import export, file_stem, write_animation
from ...sessions import RunRecord
from .moving import options_of

EXPORTS = {
    "png": "common.download_png",
    "strip": "interpolate.download_strip",
    "gif": "common.download_gif",
    "webp": "common.download_webp",
    "mp4": "interpolate.download_mp4",
    "recipe": "common.download_recipe",
}


def export_interpolation(record: RunRecord | None, kind: str, folder: Path) -> Path:
    """Write one download and return its path.

    Raises:
        UserError: there is no run, or it was stopped too early, or no ffmpeg for MP4.
    """
    if record is None or not record.images or kind in ("png", "recipe"):
        return export(record, kind, folder)
    target = folder / record.id / kind
    target.mkdir(parents=True, exist_ok=True)
    if kind != "strip":
        return write_animation(record, kind, target, **options_of(record))
    from ....pictures.png_recipe import save_png
    from ....process.interpolation_run import strip

    recipe: Any = record.job.recipe
    recipe.frames_of(record.images)  # refuses a run that was stopped early
    picture = strip(recipe.frames, record.images)
    return save_png(picture, target / f"{file_stem(record)}-strip.png", record.metadata[0])
