"""`python -m ddpm_demo inpaint IMAGE --mask MASK --out DIR`: a part of a picture made anew."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .restoration import add_restoration_options, run_restoration


def add_parser(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    parser = commands.add_parser(
        "inpaint",
        help="fill a part of a picture",
        description="Fill what is white in the mask; everything else comes back exactly.",
    )
    add_restoration_options(parser)
    parser.add_argument("--mask", metavar="MASK", help="a picture of the same size, white = fill")
    parser.add_argument("--method", metavar="NAME", help="engine (default) or repaint")
    parser.add_argument("--time-travel", type=int, metavar="N", help="repeats of each step")
    parser.add_argument("--feather-px", type=float, metavar="PX", help="soft edge (default: 0)")
    parser.add_argument(
        "--expand", type=int, nargs=4, metavar=("L", "T", "R", "B"), help="pixels to add and fill"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Inpaint and write the files.

    Raises:
        UserError: neither a mask nor anything to expand by.
    """
    from ..errors import UserError
    from ..pictures.images import load_image
    from ..pictures.masks import nothing
    from ..tasks.restoration_recipes import InpaintRecipe

    if args.mask is None and args.expand is None:
        raise UserError(
            "mask_missing",
            "Give a mask that says what is to be filled, or sides to expand the picture by.",
            field="mask",
        )
    mask = load_image(Path(args.mask)) if args.mask is not None else None
    run_restoration(
        InpaintRecipe,
        args,
        lambda ddpm, recipe, image: ddpm.inpaint(recipe, image, mask or nothing(image.size)),
    )
