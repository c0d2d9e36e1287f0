"""A handler as Gradio documents it: to programs over HTTP, and as a tool of an MCP server.

Gradio reads the names and types of the parameters from the signature, and a tool's name and what
is said of each parameter from `__name__` and the docstring.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component


def as_tool(run: Callable[..., Any], name: str, said: Mapping[str, str]) -> Callable[..., Any]:
    """Give a handler the name of its endpoint, and each parameter its sentence.

    Args:
        run: the handler; changed and returned.
        name: of the endpoint, and so of the tool.
        said: sentence in English by parameter.
    """
    lines = [f"    {parameter}: {' '.join(words.split())}" for parameter, words in said.items()]
    run.__name__ = name
    run.__doc__ = "\n".join([name, "", "Args:", *lines])
    return run


def with_parameters(
    run: Callable[..., Any],
    name: str,
    parameters: Sequence[tuple[inspect.Parameter, Component]],
) -> Callable[..., Any]:
    """Let Gradio see named, typed parameters where `run(request, *values)` takes any.

    Args:
        run: the handler; changed and returned.
        name: of the endpoint.
        parameters: each with the component whose label describes it.
    """
    of_request = inspect.Parameter(
        "request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request
    )
    plain = [of_request, *(parameter for parameter, _ in parameters)]
    run.__signature__ = inspect.Signature(plain)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in plain}
    return as_tool(run, name, {p.name: component.label or "" for p, component in parameters})
