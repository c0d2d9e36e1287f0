"""The command line: images in, images out, `--json` for machines.

The commands of the tasks are derived from their declarations (`task_parsers`); the others have a
module each, with `add_parser(commands)`. What takes long to import is imported when the command
runs, so that `--help` answers at once. A user's mistake is one sentence on stderr and exit code
2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from ..errors import UserError
from ..texts.naming import sentence_of
from ..version import __version__
from . import checkpoints, evaluate, tasks, train, tune_steps
from .language import cli_language
from .task_parsers import add_task_parsers

COMMANDS = (train, evaluate, tune_steps, checkpoints, tasks)
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of the whole usage."""
        self.exit(EXIT_USER_ERROR, f"{self.prog}: {message}; see --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="python -m ddpm_demo",
        description="Sample, restore and train with denoising diffusion models.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_task_parsers(commands)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 where some of many pictures failed, 2 for a
    user's mistake, 130 for Ctrl-C."""
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        args = build_parser().parse_args(words, argparse.Namespace(words=words))
        return args.run(args) or 0
    except UserError as error:
        print(sentence_of(error, cli_language(), labels=False), file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
