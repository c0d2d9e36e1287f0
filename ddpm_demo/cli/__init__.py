"""The command line: images in, images out, `--json` for machines.

The commands of the tasks are derived from their declarations (`task_parsers`); the others have a
module each, with `add_options(parser)` and `run(args)`, and their words in `commands.json` of the
texts. What takes long to import is imported when the command runs, so that `--help` answers at
once. Every end but a good one is one sentence on stderr: exit code 2 for a user's mistake, 1 for
whatever else went wrong.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from ..core.memory import keep_between_steps
from ..errors import UserError, of_the_machine
from ..texts import has_text, text
from ..version import __version__
from . import check_space, checkpoints, compare, evaluate, tasks, train, tune_steps
from .language import cli_language, sentence
from .option_help import tell_options
from .task_parsers import add_task_parsers
from .usage import in_words

COMMANDS = (compare, train, evaluate, tune_steps, checkpoints, tasks, check_space)
EXIT_FAILED = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
# With this set, an error that nobody foresaw is shown with its trace.
TRACE_VARIABLE = "DDPM_DEMO_TRACE"
# New containers until Python looks for cycles; its own 700 means hundreds of looks through all
# that is being imported with torch and diffusers: a quarter of a short command's time.
CONTAINERS_UNTIL_COLLECTION = 100_000


class _Parser(argparse.ArgumentParser):
    """In the user's language, as far as argparse lets one."""

    def __init__(self, **options: Any):  # noqa: ANN401  argparse's own
        super().__init__(**options, add_help=False)
        language = cli_language()
        self._positionals.title = text(language, "cli.usage_positionals")
        self._optionals.title = text(language, "cli.usage_options")
        words = text(language, "cli.usage_show_help")
        self.add_argument("-h", "--help", action="help", help=words)

    def error(self, message: str) -> NoReturn:
        """One line instead of the whole usage."""
        advice = text(cli_language(), "cli.usage_help")
        said = text(cli_language(), "cli.usage_error", message=in_words(message), advice=advice)
        self.exit(EXIT_USER_ERROR, f"{self.prog}: {said}\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    language = cli_language()
    parser = _Parser(prog="python -m ddpm_demo", description=text(language, "cli.description"))
    words = text(language, "cli.version")
    parser.add_argument("--version", action="version", version=__version__, help=words)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_task_parsers(commands)
    for command in COMMANDS:
        _add_command(commands, command, language)
    return parser


def _add_command(commands: Any, module: ModuleType, language: str) -> None:  # noqa: ANN401
    """The command of a module, which is called after it."""
    name = module.__name__.rpartition(".")[2]
    long = f"commands.{name}_description"
    words = text(language, f"commands.{name}")
    described = text(language, long) if has_text(long) else words
    parser = commands.add_parser(name.replace("_", "-"), help=words, description=described)
    module.add_options(parser)
    tell_options(parser, name)
    parser.set_defaults(run=module.run)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 where some of many pictures failed or something
    else went wrong, 2 for a user's mistake, 130 for Ctrl-C."""
    gc.set_threshold(CONTAINERS_UNTIL_COLLECTION)
    keep_between_steps()
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        args = build_parser().parse_args(words, argparse.Namespace(words=words))
        code = args.run(args) or 0
        sys.stdout.flush()  # while there is still somebody to say that it could not be written
        return code
    except UserError as error:
        words = sentence(error)
        _say(words if not error.path or error.path in words else f"{error.path}: {words}")
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        _say(text(cli_language(), "cli.interrupted"))
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if os.environ.get(TRACE_VARIABLE):
            traceback.print_exc()
        _say(sentence(_unforeseen(error)))
        return EXIT_FAILED


def _unforeseen(error: Exception) -> UserError:
    """One sentence for an error that is no user's mistake."""
    words = " ".join(str(error).split())[:200]
    if isinstance(error, OSError) and error.strerror:
        words = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return of_the_machine(error) or UserError(
        "command_failed",
        "The command could not be finished ({name}: {words}); set {variable}=1 to see where.",
        name=type(error).__name__,
        words=words,
        variable=TRACE_VARIABLE,
    )


def _say(words: str) -> None:
    """On stderr, whatever it can show."""
    shown = words.encode(sys.stderr.encoding or "utf-8", "replace")
    print(shown.decode(sys.stderr.encoding or "utf-8"), file=sys.stderr)
