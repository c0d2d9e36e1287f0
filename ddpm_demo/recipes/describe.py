"""Tasks and fields in words and as JSON, from their declarations."""

from __future__ import annotations

from typing import Any

from ..texts import text
from ..texts.naming import field_help, field_label, task_description, task_title, unit_text
from .field import TaskField, fields_of
from .recipe import Recipe


def describe(task: str, told: TaskField, language: str) -> str:
    """What a field is, what it can be, and what it is when nothing is said."""
    words = field_help(task, told.name, language) or field_label(task, told.name, language)
    limits = []
    if told.choices:
        choices = ", ".join(str(choice) for choice in told.choices)
        limits.append(text(language, "reference.choices", choices=choices))
    elif told.minimum is not None and told.maximum is not None:
        bounds = text(
            language, "reference.bounds", low=plain(told.minimum), high=plain(told.maximum)
        )
        limits.append(f"{bounds} {unit_text(told.unit, language)}".strip())
    if told.kind != "boolean":
        limits.append(text(language, "reference.default", default=default_text(told, language)))
    if not limits:
        return words
    return text(
        language,
        "reference.described",
        words=words,
        limits=text(language, "reference.between").join(limits),
    )


def plain(number: float) -> str:
    """A bound as one types it: 255, 0.5."""
    return str(int(number)) if float(number).is_integer() else str(number)


def default_text(told: TaskField, language: str) -> str:
    """The default in words."""
    if told.name == "checkpoint" or told.default is None:
        return text(language, "reference.automatic")
    if told.default == ():
        return text(language, "reference.nothing")
    if isinstance(told.default, tuple):
        return " ".join(str(item) for item in told.default)
    return plain(told.default) if isinstance(told.default, float) else str(told.default)


def as_json(task: type[Recipe], language: str = "en") -> dict[str, Any]:
    """A task as JSON values."""
    return {
        "title": task_title(task.task, language),
        "description": task_description(task.task, language),
        "inputs": [
            {
                "name": told.name,
                "required": told.required,
                "several": told.several,
                "description": field_help(task.task, told.name, language),
            }
            for told in task.inputs
        ],
        "fields": {
            name: field_as_json(task.task, told, language)
            for name, told in fields_of(task).items()
        },
    }


def field_as_json(task: str, told: TaskField, language: str = "en") -> dict[str, Any]:
    """A field as JSON values; the default is null where the program chooses."""
    is_open = told.name == "checkpoint"
    default = list(told.default) if isinstance(told.default, tuple) else told.default
    return {
        "type": told.kind,
        "default": None if is_open else default,
        "minimum": told.minimum,
        "maximum": told.maximum,
        "unit": unit_text(told.unit, language) or None,
        "description": field_help(task, told.name, language)
        or field_label(task, told.name, language),
        "choices": list(told.choices) or None,
    }
