"""Components of the endpoints that hand values on as they were sent.

Gradio's own would refuse a value of the wrong type, or one that is no choice, in its own words and
before a handler can say in the caller's language what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from .derived import derived


def _as_sent(self: Any, payload: Any) -> Any:  # noqa: ANN401  any JSON value
    return payload


def _choice_info(self: gr.Dropdown) -> dict[str, Any]:
    """As Gradio's, which calls every choice a text; where all are whole numbers, they are."""
    values = [value for _, value in self.choices]
    whole = bool(values) and all(type(value) is int for value in values)
    return {"type": "integer" if whole else "string", "enum": values}


_Number = derived(gr.Number, "_Number", __name__, preprocess=_as_sent)
_Checkbox = derived(gr.Checkbox, "_Checkbox", __name__, preprocess=_as_sent)
_Choice = derived(gr.Dropdown, "_Choice", __name__, preprocess=_as_sent, api_info=_choice_info)
_Text = derived(gr.Textbox, "_Text", __name__, preprocess=_as_sent)


def number(value: float | None, *, precision: int | None, label: str) -> gr.Number:
    """A number; whole ones have precision 0."""
    return _Number(value, precision=precision, label=label)


def checkbox(*, value: bool, label: str) -> gr.Checkbox:
    """True or False."""
    return _Checkbox(value, label=label)


def choice(choices: Sequence[Any], *, value: Any, label: str) -> gr.Dropdown:  # noqa: ANN401
    """One of several values, or None."""
    return _Choice(list(choices), value=value, label=label)


def plain_text(value: str, *, label: str) -> gr.Textbox:
    """A text."""
    return _Text(value, label=label)
