"""`python -m ddpm_demo tasks [--json]`: what can be done, and with which settings."""

from __future__ import annotations

import argparse
import json

from ..recipes.describe import as_json, default_text, plain
from ..recipes.field import fields_of
from ..recipes.recipe import Recipe
from ..tasks.registry import tasks
from ..texts import text
from ..texts.naming import field_help, field_label, task_description, unit_text
from .language import cli_language


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true")


def run(args: argparse.Namespace) -> None:
    """Print the list."""
    language = cli_language()
    if args.json:
        print(json.dumps({name: as_json(task, language) for name, task in tasks().items()}))
        return
    if args.markdown:
        print(markdown(language), end="")
        return
    for name, task in tasks().items():
        print(f"{name}: {task_description(name, language)}")
        print("    " + ", ".join(fields_of(task)))


def markdown(language: str) -> str:
    """The reference page: each task with its fields."""
    lines = [f"# {text(language, 'reference.title')}", "", text(language, "reference.note"), ""]
    for name, task in tasks().items():
        lines += [f"## {name}", "", task_description(name, language), ""]
        lines += _table(("picture", "required", "meaning"), _inputs(task, language), language)
        head = ("field", "type", "default", "bounds", "unit", "meaning")
        lines += _table(head, _fields(task, language), language)
    return "\n".join(lines).rstrip() + "\n"


def _inputs(task: type[Recipe], language: str) -> list[tuple[str, ...]]:
    return [
        (
            f"`{told.name}`",
            text(language, "reference.yes" if told.required else "reference.no"),
            field_help(task.task, told.name, language),
        )
        for told in task.inputs
    ]


def _fields(task: type[Recipe], language: str) -> list[tuple[str, ...]]:
    rows = []
    for name, told in fields_of(task).items():
        bounds = ", ".join(str(choice) for choice in told.choices)
        if told.minimum is not None and told.maximum is not None:
            low, high = plain(told.minimum), plain(told.maximum)
            bounds = text(language, "reference.bounds", low=low, high=high)
        words = field_help(task.task, name, language) or field_label(task.task, name, language)
        unit = unit_text(told.unit, language)
        rows.append((f"`{name}`", told.kind, default_text(told, language), bounds, unit, words))
    return rows


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]], language: str) -> list[str]:
    if not rows:
        return []
    named = [text(language, f"reference.column_{name}") for name in head]
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(named)} |", "|" + "---|" * len(head), *body, ""]
