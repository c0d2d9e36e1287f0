"""The parts of diffusers that sampling needs, imported without what they bring and never use.

Importing diffusers imports torch's compiler, for decorators that do nothing as long as nothing is
compiled, and scipy's statistics, for timesteps that nobody here asks for: together more than half
of all that is imported before the first picture. Both stay importable afterwards.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
NETWORK = "diffusers.models.unets.unet_2d"
SCHEDULERS = "diffusers.schedulers"

_lock = threading.RLock()


def import_part(name: str) -> ModuleType:
    """The module of that name, `NETWORK` or one below `SCHEDULERS`.

    Whoever has imported diffusers as a whole before has it as it is.
    """
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        with _without_compiler(), _without_statistics():
            return importlib.import_module(name)


@contextmanager
def _without_compiler() -> Iterator[None]:
    import torch.compiler

    if COMPILER in sys.modules:
        yield
        return
    disable = torch.compiler.disable
    sys.modules[COMPILER] = None  # type: ignore[assignment]  # makes importing it fail
    torch.compiler.disable = _as_it_is
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if sys.modules.get(COMPILER) is None:
            sys.modules.pop(COMPILER, None)


@contextmanager
def _without_statistics() -> Iterator[None]:
    from diffusers.utils import import_utils

    known = import_utils._scipy_available
    import_utils._scipy_available = False
    try:
        yield
    finally:
        import_utils._scipy_available = known


def _as_it_is(function: Any = None, *_: object, **__: object) -> Any:  # noqa: ANN401
    """Stands in for a decorator, with and without arguments."""
    identity: Callable[[Any], Any] = lambda decorated: decorated  # noqa: E731
    return identity if function is None else function
