"""A setting of a training run as somebody wrote it, as a value of its field's type."""

from __future__ import annotations

import json
from typing import Any, get_args, get_origin

from ..errors import UserError


def parse_override(text: str) -> tuple[str, Any]:
    """("max_steps", 2000) from "max_steps=2000"; a value that is not JSON is taken as text.

    Raises:
        UserError: no equals sign.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(
            "train_override_invalid",
            "“{text}” is not of the form name=value.",
            text=text,
        )
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def coerce(name: str, hint: Any, value: object) -> object:  # noqa: ANN401 - a type hint
    """`value` as the field's type, refusing what would only fail later; ints serve as floats."""
    options = get_args(hint) if type(None) in get_args(hint) else (hint,)
    for option in options:
        origin = get_origin(option) or option
        if origin is tuple and isinstance(value, (list, tuple)):
            element = get_args(option)[0]
            return tuple(coerce(name, element, one) for one in value)
        if origin is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if origin is int and isinstance(value, bool):
            continue
        if isinstance(origin, type) and isinstance(value, origin):
            return value
    raise UserError(
        "train_value_kind",
        "The training setting “{name}” has a value of the wrong kind: {value}.",
        field=name,
        name=name,
        value=repr(value),
    )
