"""The downloads of an interpolation."""

from __future__ import annotations

from pathlib import Path

from ....errors import UserError
from ...exports import export, file_stem
from ...sessions import RunRecord
from .moving import animation_bytes, animation_frames, is_complete, options_of

EXPORTS = {
    "png": "common.download_png",
    "strip": "interpolate.download_strip",
    "gif": "common.download_gif",
    "webp": "common.download_webp",
    "mp4": "interpolate.download_mp4",
    "recipe": "common.download_recipe",
}
ENLARGED_SIDE_PX = 256


def export_interpolation(record: RunRecord | None, kind: str, folder: Path) -> Path:
    """Write one download and return its path.

    Raises:
        UserError: there is no run, or it was stopped too early, or no ffmpeg for MP4.
    """
    if record is None or not record.images or kind in ("png", "recipe"):
        return export(record, kind, folder)
    if not is_complete(record):
        raise UserError(
            "interpolation_unfinished",
            "The run was stopped before there were in-betweens; run again.",
        )
    target = folder / record.id / kind
    target.mkdir(parents=True, exist_ok=True)
    if kind == "strip":
        from ....pictures.png_recipe import save_png
        from ....process.interpolation_run import strip

        picture = strip(record.job.recipe, record.images)
        return save_png(picture, target / f"{file_stem(record)}-strip.png", record.metadata[0])
    frames = animation_frames(record)
    factor = max(1, ENLARGED_SIDE_PX // max(frames[0].size))
    path = target / f"{file_stem(record)}.{kind}"
    path.write_bytes(animation_bytes(frames, kind, factor, options_of(record)))
    return path
