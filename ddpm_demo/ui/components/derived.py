"""Gradio's components with some methods of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradio.components import Component


def derived(base: type[Component], name: str, module: str, **methods: Callable[..., Any]) -> type:
    """A subclass of `base` with these methods, drawn by the page as `base` is.

    Gradio makes a component anew from its class for every session, so that methods set on an
    instance are lost. The metaclass of its components would write a stub beside the file;
    `type.__new__` leaves just that out.

    Args:
        base: the component.
        name, module: of the new class, a global of that module.
        methods: by name.
    """
    body = {"__module__": module, "is_template": True, **methods}
    return type.__new__(type(base), name, (base,), body)
