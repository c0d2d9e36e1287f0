"""The command line: images in, images out, `--json` for machines.

One module a command, each with `add_parser(commands)`; what takes long to import is imported when
the command runs, so that `--help` answers at once. A user's mistake is one sentence on stderr and
exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from .. import __version__
from ..errors import UserError
from . import (
    checkpoints,
    colourise,
    deblur,
    denoise,
    diffuse,
    evaluate,
    generate,
    inpaint,
    interpolate,
    train,
    upscale,
)

COMMANDS = (
    generate,
    denoise,
    inpaint,
    upscale,
    colourise,
    deblur,
    interpolate,
    diffuse,
    train,
    evaluate,
    checkpoints,
)
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
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for a user's mistake, 130 for Ctrl-C."""
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        args = build_parser().parse_args(words, argparse.Namespace(words=words))
        args.run(args)
    except UserError as error:
        print(error, file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0
