"""The commands of the tasks, each derived from its declaration: what can be given, and help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..batch.sources import takes_many
from ..recipes.describe import describe
from ..recipes.field import TaskField, fields_of
from ..recipes.recipe import Recipe
from ..tasks.registry import tasks
from ..texts import text
from ..texts.naming import field_help, task_description
from .language import cli_language
from .option_help import plain, tell_options
from .processes import add_processes_option
from .run_task import run, run_recipe

_TYPES = {"integer": int, "number": float, "integers": int}


def add_task_parsers(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    """A command for every task, and `run` for any."""
    language = cli_language()
    for task in tasks().values():
        words = task_description(task.task, language)
        parser = commands.add_parser(task.task, help=plain(words), description=words)
        _add_inputs(parser, task, language)
        for told in fields_of(task).values():
            _add_field(parser, task, told, language)
        _add_output_options(parser, task)
        parser.set_defaults(run=run, task=task)
    words = text(language, "cli.run")
    parser = commands.add_parser("run", help=plain(words), description=words)
    parser.add_argument("inputs", nargs="*", metavar="PICTURE")
    words = plain(field_help("inpaint", "mask", language))
    parser.add_argument("--mask", metavar="FILE", help=words)
    _add_output_options(parser, None)
    parser.set_defaults(run=run_recipe)


def _add_inputs(parser: argparse.ArgumentParser, task: type[Recipe], language: str) -> None:
    for told in task.inputs:
        words = plain(field_help(task.task, told.name, language))
        if told.is_mask:
            words = _together(words, plain(text(language, "cli.several_masks")))
            parser.add_argument(f"--{told.name}", metavar="FILE", help=words)
        elif not told.several:
            if takes_many(task):
                words = _together(words, plain(text(language, "cli.several")))
            nargs = "+" if takes_many(task) else None if told.required else "?"
            parser.add_argument(told.name, nargs=nargs, metavar=told.name.upper(), help=words)


def _add_field(
    parser: argparse.ArgumentParser, task: type[Recipe], told: TaskField, language: str
) -> None:
    words = plain(describe(task.task, told, language))
    if told.name == task.positional:
        parser.add_argument(told.name, nargs="*", metavar=told.name.upper(), help=words)
        return
    option = "--" + told.name.replace("_", "-")
    if told.kind == "boolean":
        parser.add_argument(option, action="store_true", default=None, help=words)
        return
    is_whole = told.kind == "choice" and all(isinstance(c, int) for c in told.choices)
    kind = int if is_whole else _TYPES.get(told.kind, str)
    many = {"nargs": told.count or "+"} if told.kind in ("integers", "texts") else {}
    parser.add_argument(option, type=kind, metavar="VALUE"[: 1 if many else 5], help=words, **many)


def _together(words: str, more: str) -> str:
    """Two sentences; no space follows a Chinese full stop."""
    return words + more if words.endswith("。") or not words else f"{words} {more}"


def _add_output_options(parser: argparse.ArgumentParser, task: type[Recipe] | None) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--recipe", type=Path, metavar="FILE", required=task is None)
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--animation", metavar="FORMAT")
    parser.add_argument("--there-and-back", action="store_true")
    parser.add_argument("--fps", type=float, default=12)
    parser.add_argument("--format", metavar="FORMAT")
    parser.add_argument("--quality", type=int, metavar="1-100")
    parser.add_argument("--strip-metadata", action="store_true")
    parser.add_argument("--json", action="store_true")
    if task is None or task.task == "generate" or takes_many(task):
        add_processes_option(parser)
    tell_options(parser)
