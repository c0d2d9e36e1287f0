"""The version of the program, which every picture carries."""

from __future__ import annotations

__version__ = "0.2.0"
