"""What the page's head gets once for all stages: the script and its texts in every language."""

from __future__ import annotations

import json
from pathlib import Path

from ..head_script import head_script

_FOLDER = Path(__file__).parent
CSS_PATH = _FOLDER / f"{_FOLDER.name}.css"
_SCRIPTS = ("view", "mask", "painter", "uploads", "parts", "stage", "render", "acts", "mount")

# The mark that Gradio leaves in the page, empty and never changed: the script owns what is in it.
TEMPLATE = '<div class="stage-mount"></div>'


def head() -> str:
    """The `<script>` for the head of the page."""
    return head_script(_FOLDER, _SCRIPTS)


def on_load(name: str, accepts: str | None) -> str:
    """The script of one stage's component; the stage called `name` shows what it is given."""
    options = json.dumps({"name": name, "accepts": accepts})
    return f"window.ddpmStage && window.ddpmStage.mount(element, props, watch, upload, {options});"


def on_load_said(name: str) -> str:
    """The script of the component through which the stage called `name` tells the server."""
    # Gradio offers the events that this text names in quotation marks.
    return (
        "window.ddpmStage && window.ddpmStage.listen("
        f'{json.dumps(name)}, props, trigger, ["upload", "input", "select", "release", "clear"]);'
    )


def settled(name: str, said_at: int) -> str:
    """The `js` of a Run button's event: a first sign at once, then the mask as it is now.

    Args:
        name: of the stage.
        said_at: which of the event's inputs is `Stage.said`.
    """
    return (
        "async (...inputs) => { if (!window.ddpmStage) return inputs; "
        f"inputs[{said_at}] = await window.ddpmStage.begin({json.dumps(name)}); return inputs; }}"
    )


def begun(name: str) -> str:
    """The `js` of a Run button's event that is given nothing of the stage: a first sign."""
    return (
        "async (...inputs) => { if (window.ddpmStage) "
        f"await window.ddpmStage.begin({json.dumps(name)}); return inputs; }}"
    )
