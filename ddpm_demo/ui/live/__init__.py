"""Live: with a few-step checkpoint the picture follows a point that is dragged between seeds."""

from __future__ import annotations

from .panel import CSS_PATH, LivePanel, head

__all__ = ["CSS_PATH", "LivePanel", "head"]
