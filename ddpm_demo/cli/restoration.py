"""What the restoring commands share: their options, their files, their numbers."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import Output, drain

if TYPE_CHECKING:
    from PIL import Image

    from ..pipeline import DDPM
    from ..restoration.run import RestorationRun
    from ..tasks.restoration_recipes import RestorationRecipe

Start = Callable[["DDPM", "RestorationRecipe", "Image.Image"], "RestorationRun"]


def add_restoration_options(parser: argparse.ArgumentParser) -> None:
    """IMAGE and the options of every restoration."""
    parser.add_argument("image", metavar="IMAGE", help="a picture file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where files go")
    parser.add_argument(
        "--checkpoint",
        metavar="C",
        help="name, folder or Hub id (default: objects of just that size, photos otherwise)",
    )
    parser.add_argument("--seed", type=int, metavar="S", help="sample i uses S + i (default: 0)")
    parser.add_argument(
        "--perception", type=float, metavar="P", help="0: posterior mean, 1: one sharp sample"
    )
    parser.add_argument("--num-images", type=int, metavar="N", help="samples (default: 1)")
    parser.add_argument("--num-steps", type=int, metavar="K", help="U-Net evaluations a sample")
    parser.add_argument(
        "--reduce", action="store_true", default=None, help="reduce a picture above the limit"
    )
    parser.add_argument("--json", action="store_true", help="report as one JSON object")


def make_recipe(
    recipe_class: type[RestorationRecipe], args: argparse.Namespace, image: Image.Image
) -> RestorationRecipe:
    """The recipe of the options given, over the defaults.

    Raises:
        UserError: a value out of range.
    """
    fields = [field.name for field in dataclasses.fields(recipe_class)]
    given = {name: getattr(args, name, None) for name in fields}
    given = {name: value for name, value in given.items() if value is not None}
    if "checkpoint" not in given:
        given["checkpoint"] = default_checkpoint(image, given.get("factor", 1))
    return recipe_class(**given)


def default_checkpoint(image: Image.Image, factor: int) -> str:
    """The name of what suits a picture enlarged by `factor`.

    Raises:
        UserError: there is no checkpoint.
    """
    from ..checkpoints.library import list_checkpoints
    from ..errors import UserError
    from ..restoration.fit import suitable_checkpoint

    found = suitable_checkpoint(image.width * factor, image.height * factor, list_checkpoints())
    if found is None:
        raise UserError("checkpoint_missing", "Choose a checkpoint first.", field="checkpoint")
    return found.name


def run_restoration(
    recipe_class: type[RestorationRecipe], args: argparse.Namespace, start: Start
) -> None:
    """Restore and write the files: `seed-N.png` a result, what was observed, mean, uncertainty."""
    from ..pictures.images import load_image
    from ..pipeline import DDPM

    image = load_image(Path(args.image))
    recipe = make_recipe(recipe_class, args, image)
    run = start(DDPM.from_pretrained(recipe.checkpoint), recipe, image)
    output = Output(args.out, args.json)
    drain(run, args.json)
    for index, picture in enumerate(run.images()):
        output.write_png(f"seed-{recipe.seed + index}.png", picture, run.metadata(index))
    extras = {"observed": run.observed, "mean": run.mean(), "uncertainty": run.uncertainty()}
    for name, picture in extras.items():
        if picture is not None:
            output.write_png(f"{name}.png", picture, run.metadata())
    if not args.json:
        print(metrics_text(run.metrics), end="", file=sys.stderr)
    output.report(run.metadata(), metrics=run.metrics, fit=dataclasses.asdict(run.fit))


def metrics_text(metrics: dict[str, Any]) -> str:
    """ "psnr 31.2\\nsigma_255 25.1\\n": a line a number."""
    return "".join(
        f"{name} {value:.4g}\n" if isinstance(value, float) else f"{name} {value}\n"
        for name, value in metrics.items()
    )
