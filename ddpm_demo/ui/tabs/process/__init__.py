"""The sections of the How it works tab: background, forward, reverse, training, generation."""

from __future__ import annotations

from .tab import TAB, build

__all__ = ["TAB", "build"]
