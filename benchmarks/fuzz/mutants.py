"""Bytes damaged in the ways that files are."""

from __future__ import annotations

import struct
from random import Random

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutant(random: Random, content: bytes, head: int = 4096) -> bytes:
    """One to four changes, most of them within the first `head` bytes."""
    made = bytearray(content)
    for _ in range(random.randint(1, 4)):
        if not made:
            break
        limit = min(len(made), head) if random.random() < 0.8 else len(made)
        at = random.randrange(limit)
        match random.randrange(8):
            case 0:
                made[at] ^= 1 << random.randrange(8)
            case 1:
                made[at] = random.randrange(256)
            case 2:
                number = struct.pack(random.choice("<>") + "I", random.choice(_NUMBERS))
                made[at : at + 4] = number[: len(made) - at]
            case 3:
                number = struct.pack(random.choice("<>") + "H", random.choice(_NUMBERS) & 0xFFFF)
                made[at : at + 2] = number[: len(made) - at]
            case 4:
                del made[at:]
            case 5:
                del made[at : at + random.randint(1, 64)]
            case 6:
                made[at:at] = random.randbytes(random.randint(1, 64))
            case 7:
                other, size = random.randrange(len(made)), random.randint(1, 256)
                made[at:at] = made[other : other + size]
    return bytes(made)
