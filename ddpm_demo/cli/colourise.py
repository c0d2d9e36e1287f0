"""`python -m ddpm_demo colourise IMAGE --out DIR`: colours for a grey picture."""

from __future__ import annotations

import argparse
from typing import Any

from .restoration import add_restoration_options, run_restoration


def add_parser(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    parser = commands.add_parser(
        "colourise",
        help="colours for a grey picture",
        description="Colours for a grey picture; a colour one is seen in grey and compared with.",
    )
    add_restoration_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Colourise and write the files."""
    from ..tasks.restoration_recipes import ColouriseRecipe

    run_restoration(
        ColouriseRecipe, args, lambda ddpm, recipe, image: ddpm.colourise(recipe, image)
    )
