"""What a browser remembers of a tab's controls: taken back only as far as it can be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

MAX_CHARS = 300


def usable(controls: Mapping[str, Component], saved: Any) -> dict[str, Any]:  # noqa: ANN401
    """The values of a saved form that its controls can show.

    Whether they make sense together is said when somebody runs: what was typed stays as it was.

    Args:
        controls: by field.
        saved: any JSON; what is no value of its control is left aside.
    """
    if not isinstance(saved, Mapping):
        return {}
    found = {name: saved[name] for name in controls if name in saved}
    # An empty number is an empty text to the page.
    found = {
        name: None if value == "" and isinstance(controls[name], gr.Number) else value
        for name, value in found.items()
    }
    return {name: value for name, value in found.items() if _suits(controls[name], value)}


def _suits(control: Component, value: Any) -> bool:  # noqa: ANN401  any JSON
    if isinstance(control, gr.Checkbox):
        return isinstance(value, bool)
    if isinstance(control, gr.Dropdown | gr.Radio):
        known = [choice[1] for choice in control.choices or ()]
        typed = isinstance(control, gr.Dropdown) and control.allow_custom_value
        return value in known or (typed and _is_short(value))
    if isinstance(control, gr.Slider):
        within = _is_number(value) and control.minimum <= value <= control.maximum
        return bool(within)
    if isinstance(control, gr.Number):
        return value is None or _is_number(value)
    return isinstance(control, gr.Textbox) and _is_short(value)


def _is_number(value: Any) -> bool:  # noqa: ANN401  any JSON
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < 2**53 and math.isfinite(value)


def _is_short(value: Any) -> bool:  # noqa: ANN401  any JSON
    return isinstance(value, str) and len(value) <= MAX_CHARS
