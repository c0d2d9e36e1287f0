"""The pieces of the Interpolate tab."""

from __future__ import annotations

from .tab import TAB, build

__all__ = ["TAB", "build"]
