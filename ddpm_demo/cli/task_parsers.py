"""The commands of the tasks, each derived from its declaration: what can be given, and help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..batch.sources import takes_many
from ..recipes.describe import describe
from ..recipes.field import TaskField, fields_of
from ..recipes.inputs import Picture
from ..recipes.recipe import Recipe
from ..tasks.registry import tasks
from ..texts import text
from ..texts.naming import field_help, task_description
from .bulk import add_processes_option
from .language import cli_language

_TYPES = {"integer": int, "number": float, "integers": int}


def add_task_parsers(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    """A command for every task, and `run` for any."""
    language = cli_language()
    for task in tasks().values():
        words = task_description(task.task, language)
        parser = commands.add_parser(task.task, help=_plain(words), description=_plain(words))
        _add_inputs(parser, task, language)
        for told in fields_of(task).values():
            _add_field(parser, task, told, language)
        _add_output_options(parser, task, language)
        parser.set_defaults(run=run_task, task=task)
    words = _plain(text(language, "cli.run"))
    parser = commands.add_parser("run", help=words, description=words)
    parser.add_argument("inputs", nargs="*", metavar="PICTURE", help=text(language, "cli.inputs"))
    parser.add_argument("--mask", metavar="FILE", help=_plain(field_help("inpaint", "mask")))
    _add_output_options(parser, None, language)
    parser.set_defaults(run=run_any, task=None)


def run_task(args: argparse.Namespace) -> int:
    """Do the task of the command."""
    from .run_task import run

    return run(args.task, args)


def run_any(args: argparse.Namespace) -> int:
    """Do whatever task the recipe is of."""
    from .run_task import run_recipe

    return run_recipe(args)


def _add_inputs(parser: argparse.ArgumentParser, task: type[Recipe], language: str) -> None:
    for told in task.inputs:
        words = _plain(field_help(task.task, told.name, language))
        if told.is_mask:
            words = f"{words} {_plain(text(language, 'cli.several_masks'))}".strip()
            parser.add_argument(f"--{told.name}", metavar="FILE", help=words)
        elif not told.several:
            if takes_many(task):
                words = f"{words} {_plain(text(language, 'cli.several'))}".strip()
            nargs = "+" if takes_many(task) else None if told.required else "?"
            parser.add_argument(told.name, nargs=nargs, metavar=_metavar(told), help=words)


def _metavar(told: Picture) -> str:
    return told.name.upper()


def _add_field(
    parser: argparse.ArgumentParser, task: type[Recipe], told: TaskField, language: str
) -> None:
    words = _plain(describe(task.task, told, language))
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


def _add_output_options(
    parser: argparse.ArgumentParser, task: type[Recipe] | None, language: str
) -> None:
    def words(name: str) -> str:
        return _plain(text(language, f"cli.{name}"))

    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=words("out"))
    needed = {"required": True} if task is None else {}
    parser.add_argument("--recipe", type=Path, metavar="FILE", help=words("recipe"), **needed)
    parser.add_argument("--grid", action="store_true", help=words("grid"))
    parser.add_argument("--animation", metavar="FORMAT", help=words("animation"))
    parser.add_argument("--there-and-back", action="store_true", help=words("there_and_back"))
    parser.add_argument("--fps", type=float, default=12, help=words("fps"))
    parser.add_argument("--format", metavar="FORMAT", help=words("format"))
    parser.add_argument("--quality", type=int, metavar="1-100", help=words("quality"))
    parser.add_argument("--strip-metadata", action="store_true", help=words("strip_metadata"))
    parser.add_argument("--json", action="store_true", help=words("json"))
    if task is None or task.task == "generate" or takes_many(task):
        add_processes_option(parser)


def _plain(words: str) -> str:
    """argparse takes a per cent sign for a placeholder."""
    return words.replace("%", "%%")
