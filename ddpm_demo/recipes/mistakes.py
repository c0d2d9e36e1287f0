"""From what pydantic found wrong in a recipe to our sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..errors import UserError
from .field import TaskField

MAX_SHOWN_CHARS = 60


def user_error(task: str, fields: Mapping[str, TaskField], error: ValidationError) -> UserError:
    """The first mistake as a `UserError`; its `others` are the rest, one a field."""
    found: dict[str, UserError] = {}
    for mistake in error.errors(include_url=False):
        one = _sentence(task, fields, mistake)
        found.setdefault(one.field or "", one)
    first, *others = found.values()
    first.others = tuple(others)
    return first


def choice_error(told: TaskField, value: object) -> UserError:
    """A value that is none of the field's choices."""
    return UserError(
        "choice",
        "{name} must be one of {known}, not {value}.",
        field=told.name,
        name=told.name,
        known=", ".join(str(choice) for choice in told.choices),
        value=shown(value),
    )


def shown(value: object) -> str:
    """A value in a sentence, short whatever it is; `UserError` makes it printable."""
    words = str(value) if not isinstance(value, int) or value < 10**30 else "a larger number"
    return words if len(words) <= MAX_SHOWN_CHARS else words[: MAX_SHOWN_CHARS - 1] + "…"


def _sentence(task: str, fields: Mapping[str, TaskField], mistake: Any) -> UserError:  # noqa: ANN401
    name = str(mistake["loc"][0]) if mistake["loc"] else ""
    if mistake["type"] == "value_error":  # raised by a task's own check
        raised = mistake["ctx"]["error"]
        assert isinstance(raised, UserError)
        return raised
    if mistake["type"] == "extra_forbidden":
        return unknown_field(task, name)
    told = fields[name]
    if mistake["type"] == "missing" and name == "checkpoint":
        return UserError("checkpoint_missing", "Choose a checkpoint first.", field="checkpoint")
    if told.kind == "choice":
        return choice_error(told, mistake["input"])
    if told.kind == "integers" and mistake["type"] in ("missing", "too_long", "tuple_type"):
        return UserError(
            "numbers_count",
            "{name} needs {wanted} whole numbers.",
            field=name,
            name=name,
            wanted=told.count,
        )
    if told.minimum is not None and told.maximum is not None:
        return UserError(
            "range",
            "{name} must be between {low} and {high}, not {value}.",
            field=name,
            name=name,
            low=told.minimum,
            high=told.maximum,
            value=shown(mistake["input"]),
        )
    return value_error(name)


def unknown_field(task: str, name: str) -> UserError:
    """A field that the task does not have."""
    return UserError(
        "recipe_unknown_field",
        "The task {task} has no field “{name}”; leave it out.",
        task=task,
        name=shown(name),
    )


def value_error(name: str) -> UserError:
    """A value of another type."""
    return UserError(
        "recipe_value",
        "The recipe's value for {name} is not one that this version understands.",
        field=name,
        name=name,
    )
