"""`python -m ddpm_demo interpolate A B --num-between 8 --out DIR`: pictures between two ends."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import DEFAULT_CHECKPOINT, Output, drain

if TYPE_CHECKING:
    from PIL import Image

    from ..pipeline import InterpolationRun
    from ..tasks.interpolate_recipe import InterpolateRecipe

SEED_PREFIX = "seed:"
_FIELDS = (
    "checkpoint",
    "seed",
    "num_between",
    "method",
    "num_steps",
    "max_evaluations",
    "t",
    "num_samples",
    "size_px",
)


def add_parser(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    parser = commands.add_parser(
        "interpolate",
        help="pictures between two ends or four corners",
        description="From A to B, or over the grid between four corners (top left, top right, "
        "bottom left, bottom right). An end is a picture file or a seed such as seed:7.",
    )
    parser.add_argument("ends", nargs="+", metavar="END", help="two or four: a file or seed:7")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where files go")
    parser.add_argument(
        "--checkpoint", metavar="C", help=f"name, folder or Hub id (default: {DEFAULT_CHECKPOINT})"
    )
    parser.add_argument("--num-between", type=int, metavar="N", help="in-betweens (default: 8)")
    parser.add_argument(
        "--method", help="ddim (through the noise, the default) or ddpm (through noised mixes)"
    )
    parser.add_argument("--num-steps", type=int, metavar="K", help="up and down (default: 20)")
    parser.add_argument(
        "--max-evaluations",
        type=int,
        metavar="E",
        help="for ddim, a step of the way up at most (default: 12)",
    )
    parser.add_argument("--t", type=int, help="for ddpm: noising steps (default: half of all)")
    parser.add_argument("--num-samples", type=int, metavar="S", help="for ddpm: samples a mix")
    parser.add_argument("--seed", type=int, metavar="S", help="for ddpm: sample j uses S + j")
    parser.add_argument("--size-px", type=int, help="default: the checkpoint's own size")
    parser.add_argument("--animation", metavar="FORMAT", help="also an animation: gif, webp, mp4")
    parser.add_argument("--there-and-back", action="store_true", help="the animation runs back")
    parser.add_argument("--fps", type=float, default=12, help="of the animation (default: 12)")
    parser.add_argument("--json", action="store_true", help="report as one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Interpolate and write the files."""
    from ..pictures.animation import check_format
    from ..pictures.images import load_image
    from ..pipeline import DDPM

    recipe = make_recipe(args)
    if args.animation is not None:
        check_format(args.animation)
    images = [load_image(Path(end)) for end in args.ends if not end.startswith(SEED_PREFIX)]
    output = Output(args.out, args.json)
    ddpm = DDPM.from_pretrained(recipe.checkpoint)
    interpolation = ddpm.interpolate(recipe, images)
    _tell_fitting(images, interpolation)
    drain(interpolation, args.json)
    _write(args, output, interpolation)
    _tell_reconstruction(interpolation)
    output.report(interpolation.metadata())


def make_recipe(args: argparse.Namespace) -> InterpolateRecipe:
    """The recipe of the options given, over the defaults.

    Raises:
        UserError: a value out of range.
    """
    from ..tasks.interpolate_recipe import IMAGE, InterpolateRecipe

    given = {key: getattr(args, key) for key in _FIELDS if getattr(args, key) is not None}
    ends = tuple(end if end.startswith(SEED_PREFIX) else IMAGE for end in args.ends)
    return InterpolateRecipe(**{"checkpoint": DEFAULT_CHECKPOINT, "ends": ends, **given})


def _write(args: argparse.Namespace, output: Output, interpolation: InterpolationRun) -> None:
    from ..pictures.animation import animate
    from ..tasks.interpolate_recipe import strip

    recipe = interpolation.recipe
    images = interpolation.images()
    for index, image in enumerate(images):
        name = f"{recipe.picture_name(index)}.png"
        output.write_png(name, image, interpolation.metadata(index))
    output.write_png("strip.png", strip(recipe, images), interpolation.metadata())
    if args.animation:
        content = animate(
            [images[frame * recipe.samples_a_frame] for frame in recipe.path],
            args.animation,
            fps=args.fps,
            there_and_back=args.there_and_back,
            enlarge=max(1, 256 // images[0].width),
        )
        output.write(f"animation.{args.animation}", content)


def _tell_fitting(images: list[Image.Image], interpolation: InterpolationRun) -> None:
    from ..tasks.interpolate_recipe import fitting_note

    note = fitting_note(images, interpolation.recipe.size_px)
    if note is not None:
        print(note, file=sys.stderr)


def _tell_reconstruction(interpolation: InterpolationRun) -> None:
    found = interpolation.interpolation.reconstructions()
    for end, error in zip(interpolation.recipe.ends, found, strict=True):
        if error is not None:
            words = f"mean squared error {error.mse:.2g}, PSNR {error.psnr:.1f} dB"
            print(f"{end} came back with {words}", file=sys.stderr)
