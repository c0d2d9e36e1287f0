"""What a seed can be; apart from `noise`, so that it costs no torch."""

from __future__ import annotations

import hashlib

MAX_SEED = 2**32 - 1


def apart(seed: int, purpose: str) -> int:
    """A seed in [0, `MAX_SEED`] whose noise has nothing to do with that of `seed`.

    torch's generator on the CPU goes by the lower 32 bits of what it is given: a large number
    added to a seed is the same seed.
    """
    digest = hashlib.blake2b(f"{purpose} {seed}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")
