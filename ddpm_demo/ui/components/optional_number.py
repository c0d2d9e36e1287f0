"""A number box that may stay empty."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..relabel import Text
from .derived import derived


def _empty_as_text(self: gr.Number, value: float | None) -> Any:  # noqa: ANN401  Gradio's own types
    return "" if value is None else gr.Number.postprocess(self, value)


def _text_as_none(self: gr.Number, payload: Any) -> float | None:  # noqa: ANN401
    return None if payload in (None, "") else gr.Number.preprocess(self, payload)


# Gradio draws an empty box as 0, whatever its placeholder, and 0 is then what a handler gets; only
# an empty text stays empty.
_OptionalNumber = derived(
    gr.Number, "_OptionalNumber", __name__, preprocess=_text_as_none, postprocess=_empty_as_text
)

# What the box shows while it is empty.
TEXTS: dict[str, Text] = {"placeholder": "common.automatic"}


def optional_number(precision: int | None = 0, **props: Any) -> gr.Number:  # noqa: ANN401
    """A box for a number, None when it is empty, which it is at first; precision 0: whole ones."""
    return _OptionalNumber(value=None, precision=precision, **props)
