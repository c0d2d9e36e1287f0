"""What the Fine-tune tab is made of."""

from __future__ import annotations

from .tab import TAB, build

__all__ = ["TAB", "build"]
