"""`python -m ddpm_demo tasks [--json]`: what can be done, and with which settings."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..recipes.describe import as_json
from ..recipes.field import fields_of
from ..tasks.registry import tasks
from ..texts.naming import task_description
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
        print(json.dumps({name: as_json(task, language) for name, task in tasks().items()}))
        return
    for name, task in tasks().items():
        print(f"{name}: {task_description(name, language)}")
        print("    " + ", ".join(fields_of(task)))
