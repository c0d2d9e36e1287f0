"""`python -m ddpm_demo upscale IMAGE --factor 4 --out DIR`: a picture enlarged."""

from __future__ import annotations

import argparse
from typing import Any

from .restoration import add_restoration_options, run_restoration


def add_parser(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    parser = commands.add_parser(
        "upscale",
        help="a picture enlarged",
        description="Super-resolution: the result, reduced again, gives the picture back.",
    )
    add_restoration_options(parser)
    parser.add_argument("--factor", type=int, metavar="K", help="2, 3, 4 or 8 (default: 4)")
    parser.add_argument(
        "--sigma-255", type=float, metavar="S", help="noise in 8-bit levels (default: 0)"
    )
    parser.add_argument(
        "--reduce-first", action="store_true", default=None, help="reduce first, then measure"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Enlarge and write the files."""
    from ..tasks.restoration_recipes import UpscaleRecipe

    run_restoration(UpscaleRecipe, args, lambda ddpm, recipe, image: ddpm.upscale(recipe, image))
