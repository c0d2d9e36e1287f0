"""The animation of a finished interpolation: on the stage, and as a file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...sessions import RunRecord

if TYPE_CHECKING:
    from PIL import Image

    from ...stage.renditions import Rendition

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


def moving_picture(record: RunRecord) -> Rendition:
    """The animation as it will be saved, at most 120 frames of it, for the stage."""
    frames = animation_frames(record, MAX_PREVIEW_FRAMES)
    factor = max(1, PREVIEW_SIDE_PX // max(frames[0].size))
    content = animation_bytes(frames, "webp", factor, options_of(record))
    data = f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"
    return {"width": frames[0].width, "height": frames[0].height, "data": data}
