"""How the C library keeps memory that is free: for the next step of a run, and not for ever.

A step of a run asks for the same megabytes again and again. glibc gives memory at the end of its
heap back to the system each time and has it zeroed anew the next, and threads other than the first
have heaps of their own, too small for what a network needs.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from functools import lru_cache

# mallopt(3), of malloc.h.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
KEPT_BYTES = 256 * 2**20
MAPPED_FROM_BYTES = 32 * 2**20  # the most that glibc takes


def keep_between_steps() -> None:
    """Ask for one heap of all threads, which keeps what is free until `give_back`.

    For a program's start, before there are threads: it is the whole process's. Who has set
    `MALLOC_...` in the environment is left alone.
    """
    library = _glibc()
    if library is None or any(name.startswith("MALLOC_") for name in os.environ):
        return
    library.mallopt(ARENA_MAX, 1)
    library.mallopt(TRIM_THRESHOLD, KEPT_BYTES)
    library.mallopt(MMAP_THRESHOLD, MAPPED_FROM_BYTES)


def give_back() -> None:
    """Free what nobody holds any more; glibc keeps the largest run's memory else."""
    gc.collect()
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@lru_cache(maxsize=1)
def _glibc() -> ctypes.CDLL | None:
    """None where the C library is another one."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        return library if library.malloc_trim and library.mallopt else None
    except (OSError, AttributeError):
        return None
