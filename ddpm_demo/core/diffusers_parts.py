"""The parts of diffusers that sampling needs, imported without what they bring and never use.

Importing diffusers imports torch's compiler, for decorators that do nothing as long as nothing is
compiled, scipy's statistics, for timesteps that nobody here asks for, and every other U-Net and
transformer there is, for blocks that look at a text: together more than half of all that is
imported before the first picture. All stay importable afterwards.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
UNETS = "diffusers.models.unets"
NETWORK = f"{UNETS}.unet_2d"
SCHEDULERS = "diffusers.schedulers"
TRANSFORMERS = "diffusers.models.transformers"
# What the blocks of U-Nets import of them.
TRANSFORMERS_OF_BLOCKS = {
    f"{TRANSFORMERS}.dual_transformer_2d": "DualTransformer2DModel",
    f"{TRANSFORMERS}.transformer_2d": "Transformer2DModel",
}

_lock = threading.RLock()


def import_part(name: str) -> ModuleType:
    """The module of that name, `NETWORK` or one below `SCHEDULERS`.

    Whoever has imported diffusers as a whole before has it as it is.
    """
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        with _without_compiler(), _without_statistics(), _without_other_networks():
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


@contextmanager
def _without_other_networks() -> Iterator[None]:
    if UNETS in sys.modules or TRANSFORMERS in sys.modules:
        yield
        return
    import diffusers.models

    diffusers.models.unets = sys.modules[UNETS] = _run_when_asked(UNETS)
    for module, name in TRANSFORMERS_OF_BLOCKS.items():
        stand_in = ModuleType(module)
        setattr(stand_in, name, _imported_when_made(module, name))
        sys.modules[module] = stand_in
    try:
        yield
    finally:
        for module in TRANSFORMERS_OF_BLOCKS:
            sys.modules.pop(module, None)


class _RunWhenAsked(ModuleType):
    """A package whose own code runs when something of it is asked for, not with its modules."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the package has
        if name.startswith("__"):
            raise AttributeError(name)
        assert self.__spec__ is not None and self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        self.__class__ = ModuleType
        return getattr(self, name)


def _run_when_asked(name: str) -> ModuleType:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__class__ = _RunWhenAsked
    return module


def _imported_when_made(module: str, name: str) -> Callable[..., Any]:
    """Stands in for a class where only instances of it are wanted."""

    def make(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  of the class
        return getattr(importlib.import_module(module), name)(*args, **kwargs)

    return make


def _as_it_is(function: Any = None, *_: object, **__: object) -> Any:  # noqa: ANN401
    """Stands in for a decorator, with and without arguments."""
    identity: Callable[[Any], Any] = lambda decorated: decorated  # noqa: E731
    return identity if function is None else function
