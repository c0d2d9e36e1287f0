"""`gpu`: asks for a graphics card on a ZeroGPU Space, and does nothing elsewhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TypeVar

# Asked for a call, as the package does by itself; what takes longer is ended.
GPU_SECONDS = 60

F = TypeVar("F", bound=Callable[..., object])


def has_spaces() -> bool:
    """Whether the `spaces` package is installed."""
    return importlib.util.find_spec("spaces") is not None


def gpu(function: F) -> F:
    """`spaces.GPU(function)` where the `spaces` package is installed, else `function` itself.

    On ZeroGPU the function runs in another process: its arguments and what it yields are pickled,
    and nothing that it changes is seen here.
    """
    if not has_spaces():
        return function
    import spaces

    return spaces.GPU(duration=GPU_SECONDS)(function)
