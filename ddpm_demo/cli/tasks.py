"""`python -m ddpm_demo tasks [--json]`: what can be done, and with which settings."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..recipes.field import TaskField, fields_of
from ..recipes.recipe import Recipe
from ..tasks.registry import tasks
from ..texts.naming import field_help, field_label, task_description, task_title, unit_text
from .language import cli_language


def add_parser(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    parser = commands.add_parser(
        "tasks",
        help="what can be done, and with which settings",
        description="The tasks, each with its pictures and its fields.",
    )
    parser.add_argument("--json", action="store_true", help="report as one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the list."""
    language = cli_language()
    if args.json:
        print(json.dumps({name: describe(task, language) for name, task in tasks().items()}))
        return
    for name, task in tasks().items():
        print(f"{name}: {task_description(name, language)}")
        print("    " + ", ".join(fields_of(task)))


def describe(task: type[Recipe], language: str = "en") -> dict[str, Any]:
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
            name: describe_field(task.task, told, language)
            for name, told in fields_of(task).items()
        },
    }


def describe_field(task: str, told: TaskField, language: str = "en") -> dict[str, Any]:
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
