"""`python -m ddpm_demo deblur IMAGE --out DIR`: a picture without its blur."""

from __future__ import annotations

import argparse
from typing import Any

from .restoration import add_restoration_options, run_restoration


def add_parser(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    parser = commands.add_parser(
        "deblur",
        help="a picture without its blur",
        description="Undo a Gaussian blur (out of focus) or a straight motion blur (shaken).",
    )
    add_restoration_options(parser)
    parser.add_argument("--kind", metavar="KIND", help="gaussian (default) or motion")
    parser.add_argument("--radius-px", type=float, metavar="PX", help="gaussian (default: 2)")
    parser.add_argument("--length-px", type=float, metavar="PX", help="motion (default: 9)")
    parser.add_argument("--angle-degrees", type=float, metavar="A", help="motion (default: 0)")
    parser.add_argument(
        "--sigma-255", type=float, metavar="S", help="noise in 8-bit levels (default: 2)"
    )
    parser.add_argument(
        "--blur-first", action="store_true", default=None, help="blur first, then measure"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Deblur and write the files."""
    from ..tasks.restoration_recipes import DeblurRecipe

    run_restoration(DeblurRecipe, args, lambda ddpm, recipe, image: ddpm.deblur(recipe, image))
