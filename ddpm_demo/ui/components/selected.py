"""Which one of several a visitor has chosen, whatever was sent."""

from __future__ import annotations

import gradio as gr


def selected_index(event: gr.EventData | None, count: int | None = None) -> int:
    """The index that a select event tells; 0 where it tells none of `count`."""
    told = getattr(event, "_data", None)
    index = told.get("index") if isinstance(told, dict) else None
    is_one = type(index) is int and index >= 0 and (count is None or index < count)
    return index if is_one else 0
