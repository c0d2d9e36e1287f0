"""What a seed can be; apart from `noise`, so that it costs no torch."""

from __future__ import annotations

MAX_SEED = 2**32 - 1
