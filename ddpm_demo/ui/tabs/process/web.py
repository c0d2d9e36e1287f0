"""The tab's own scripts and style: read once, given to the page with its first component.

`web/` has plain scripts, each adding to the one global `ddpmStory`. The numerical ones run in the
page, in the worker that trains, and in the tests, which hold them to the Python originals.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from .explain import SYMBOLS

_FOLDER = Path(__file__).parent / "web"
CORE = ("schedule", "samplers", "oracle", "network")
PAGE = (
    "dom",
    "scroll",
    "panes_forward",
    "panes_reverse",
    "panes_training",
    "panes_generation",
    "panes_playground",
)
_PUSH = "(globalThis.ddpmStoryQueue ??= []).push({name: %s, element, props, watch});"


@cache
def source(*names: str) -> str:
    """The scripts of these names, one after the other."""
    return "\n".join((_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names)


@cache
def start_script() -> str:
    """For the tab's first component: everything, then the panes that are already there."""
    worker = source(*CORE, "worker")
    by_colour = {colour: name for name, colour in SYMBOLS.items()}
    return "\n".join(
        (
            source(*CORE, *PAGE),
            f"ddpmStory.workerSource = {json.dumps(worker)};",
            f"ddpmStory.symbolOf = {json.dumps(by_colour)};",
            _style("story"),
            "ddpmStory.mount({name: 'start', element, props, watch});",
            "ddpmStory.begin();",
        )
    )


def pane_script(name: str) -> str:
    """For the component of the pane `name`."""
    return _PUSH % json.dumps(name)


def _style(name: str) -> str:
    """Puts the style sheet `name` into the page, once."""
    style = (_FOLDER / f"{name}.css").read_text(encoding="utf-8")
    return "\n".join(
        (
            f"if (!document.getElementById('{name}-style')) {{",
            "  const sheet = document.createElement('style');",
            f"  sheet.id = '{name}-style';",
            f"  sheet.textContent = {json.dumps(style)};",
            "  document.head.append(sheet);",
            "}",
        )
    )
