"""What the C library keeps of free memory: asked for once, and given back."""

import os
import subprocess
import sys

import pytest

from ddpm_demo.core import memory

of_glibc = pytest.mark.skipif(memory._glibc() is None, reason="another C library than glibc")

# The resident memory of a process, in MiB, and blocks of 8 MiB that a thread takes and frees.
BLOCKS = """
import ctypes, threading
from ddpm_demo.core.memory import give_back, keep_between_steps

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 2**20

def use():
    library = ctypes.CDLL("libc.so.6")
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    blocks = [library.malloc(8 * 2**20) for _ in range(12)]
    for block in blocks:
        ctypes.memset(ctypes.c_void_p(block), 1, 8 * 2**20)
    for block in blocks:
        library.free(block)

keep_between_steps()
before = resident()
thread = threading.Thread(target=use)
thread.start()
thread.join()
kept = resident() - before
give_back()
print(kept, resident() - before)
"""


def grown(**variables):
    """MiB after the blocks were freed, and after `give_back`."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS],
        env={**plain, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(map(int, done.stdout.split()))


@of_glibc
def test_what_a_step_frees_is_kept_for_the_next_and_given_back_in_the_end():
    kept, left = grown()
    assert kept > 80 and left < 20


@of_glibc
def test_who_has_set_the_library_up_is_left_alone():
    kept, left = grown(MALLOC_TOP_PAD_="0")
    assert kept < 20 and left < 20


@pytest.fixture
def no_glibc(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(memory.ctypes, "CDLL", missing)
    memory._glibc.cache_clear()
    yield
    memory._glibc.cache_clear()


def test_with_another_c_library_only_python_collects(no_glibc, monkeypatch):
    collected = []
    monkeypatch.setattr(memory.gc, "collect", lambda: collected.append("all"))
    assert memory._glibc() is None
    memory.keep_between_steps()
    assert collected == []
    memory.give_back()
    assert collected == ["all"]
