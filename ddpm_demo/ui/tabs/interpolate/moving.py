"""The animation of a finished interpolation: on the stage, and as a file."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ...exports import ENLARGED_ANIMATION_SIDE_PX, thin
from ...sessions import RunRecord

if TYPE_CHECKING:
    from ...stage.renditions import Rendition

DEFAULT_FPS = 8
MAX_PREVIEW_FRAMES = 120


def is_complete(record: RunRecord | None) -> bool:
    """Whether there is a picture of every frame; a run stopped early has those of its ends."""
    if record is None:
        return False
    recipe: Any = record.job.recipe
    return len(record.images) == recipe.frames.num_pictures


def options_of(record: RunRecord) -> dict[str, Any]:
    """{"there_and_back", "fps"} of the animation: what was asked for, or chosen since."""
    chosen = {**record.job.inputs["animation"], **record.options}
    return {
        "there_and_back": bool(chosen["there_and_back"]),
        "fps": chosen["fps"] or DEFAULT_FPS,
    }


def moving_picture(record: RunRecord) -> Rendition:
    """The animation as it will be saved, at most 120 frames of it, for the stage."""
    from ....pictures.animation import animate

    recipe: Any = record.job.recipe
    frames = thin(recipe.frames_of(record.images), MAX_PREVIEW_FRAMES)
    factor = max(1, ENLARGED_ANIMATION_SIDE_PX // max(frames[0].size))
    content = animate(frames, "webp", enlarge=factor, **options_of(record))
    data = f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"
    return {"width": frames[0].width, "height": frames[0].height, "data": data}
