"""`python -m ddpm_demo denoise IMAGE --out DIR`: a picture without its noise."""

from __future__ import annotations

import argparse
from typing import Any

from .restoration import add_restoration_options, run_restoration


def add_parser(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    parser = commands.add_parser(
        "denoise",
        help="a picture without its noise",
        description="Remove noise, whose level is estimated where it is not given. Perception 0, "
        "the default, is one evaluation of the network.",
    )
    add_restoration_options(parser)
    parser.add_argument(
        "--sigma-255", type=float, metavar="S", help="noise in 8-bit levels (default: estimated)"
    )
    parser.add_argument(
        "--add-noise-255", type=float, metavar="S", help="add noise first, then measure"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Denoise and write the files."""
    from ..tasks.restoration_recipes import DenoiseRecipe

    run_restoration(DenoiseRecipe, args, lambda ddpm, recipe, image: ddpm.denoise(recipe, image))
