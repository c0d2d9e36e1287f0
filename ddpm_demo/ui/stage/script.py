"""What the page's head gets once for all stages: the script and its texts in every language."""

from __future__ import annotations

import json
from pathlib import Path

from ...texts import LANGUAGES, text

_FOLDER = Path(__file__).parent
CSS_PATH = _FOLDER / f"{_FOLDER.name}.css"
# In this order: each may use what comes before it.
_SCRIPTS = ("view", "mask", "painter", "uploads", "parts", "stage", "render", "acts", "mount")
_TEXTS = _FOLDER.parent.parent / "texts" / "en" / f"{_FOLDER.name}.json"

# The mark that Gradio leaves in the page, empty and never changed: the script owns what is in it.
TEMPLATE = '<div class="stage-mount"></div>'


def head() -> str:
    """The `<script>` for the head of the page."""
    keys = list(json.loads(_TEXTS.read_text(encoding="utf-8")))
    words = {
        language: {key: text(language, f"stage.{key}") for key in keys} for language in LANGUAGES
    }
    sources = "\n".join((_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    body = f"(() => {{\nconst WORDS = {json.dumps(words, ensure_ascii=False)};\n{sources}\n}})();"
    return "<script>" + body.replace("</", "<\\/") + "</script>"


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
