"""`python -m ddpm_demo generate --checkpoint faces-64 --num-images 16 --out DIR`: from noise."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from . import bulk
from .common import DEFAULT_CHECKPOINT, Output, add_animation_option, add_run_options, drain
from .processes import add_processes_option, relaunched

if TYPE_CHECKING:
    from PIL import Image

    from ..core.step import Step
    from ..tasks.recipe import GenerateRecipe

_FIELDS = ("checkpoint", "seed", "num_images", "sampler", "num_steps", "eta", "spacing", "size_px")


def add_parser(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    parser = commands.add_parser(
        "generate",
        help="pictures from noise",
        description="Pictures from noise; one PNG an image, named by its seed.",
    )
    add_run_options(parser)
    add_animation_option(parser)
    parser.add_argument(
        "--num-images", type=int, metavar="N", help="default: 16; up to 10 million, in batches"
    )
    parser.add_argument("--eta", type=float, help="for ddim: 0 deterministic, 1 like ddpm")
    parser.add_argument("--spacing", help="which timesteps: trailing, leading, ...")
    parser.add_argument("--size-px", type=int, help="default: the checkpoint's own size")
    parser.add_argument("--grid", action="store_true", help="also all pictures in one")
    parser.add_argument(
        "--recipe", type=Path, metavar="PNG", help="take the recipe of a picture made before"
    )
    add_processes_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Sample and write the files."""
    saved = _read_recipe(args.recipe) if args.recipe else {}
    many = bulk.asked_for(args)
    # A recipe is of one batch; how many batches there are is not its business.
    wanted = argparse.Namespace(**{**vars(args), "num_images": None}) if many else args
    recipe = make_recipe(wanted, saved)
    _check_animation(args.animation)
    output = Output(args.out, args.json)
    if many and relaunched(args):
        return
    from ..pipeline import DDPM

    ddpm = DDPM.from_pretrained(recipe.checkpoint)
    if saved.get("weight_hash") not in (None, ddpm.info.weight_hash):
        print(
            f"The weights of {recipe.checkpoint} are not those that made the picture.",
            file=sys.stderr,
        )
    if many:
        bulk.write_many(ddpm, recipe, args.num_images or recipe.num_images, output)
        return
    sampling = ddpm.generate(recipe)
    recorder = _Recorder(sampling.recipe.num_steps or 1) if args.animation else None
    drain(sampling, args.json, recorder)
    images = sampling.images()
    for index, image in enumerate(images):
        name = f"seed-{sampling.recipe.seed + index}.png"
        output.write_png(name, image, sampling.metadata(index))
    _write_extras(args, output, images, recorder, sampling.metadata())
    output.report(sampling.metadata())


def make_recipe(args: argparse.Namespace, saved: dict[str, Any]) -> GenerateRecipe:
    """The recipe of the options given, over the saved one, over the defaults.

    Raises:
        UserError: a value out of range, or a saved recipe of another task.
    """
    from ..tasks.recipe import GenerateRecipe, recipe_from_dict

    given = {key: getattr(args, key) for key in _FIELDS if getattr(args, key) is not None}
    if not saved:
        return GenerateRecipe(**{"checkpoint": DEFAULT_CHECKPOINT, **given})
    recipe = recipe_from_dict({**saved, **given})
    if not isinstance(recipe, GenerateRecipe):
        raise UserError(
            "recipe_other_task",
            "This picture was made by the command {task}, not by {wanted}.",
            field="recipe",
            task=recipe.task,
            wanted=GenerateRecipe.task,
        )
    return recipe


def _read_recipe(path: Path) -> dict[str, Any]:
    from ..pictures.png_recipe import read_recipe

    return read_recipe(path)


def _check_animation(format: str | None) -> None:
    if format is not None:
        from ..pictures.animation import check_format

        check_format(format)


class _Recorder:
    """Keeps the frames of an animation, and not every step of a long run."""

    def __init__(self, num_steps: int):
        from ..pictures.animation import frame_indices

        self.frames: list[Image.Image] = []
        self._wanted = set(frame_indices(num_steps))

    def __call__(self, step: Step) -> None:
        from ..pictures.images import make_grid, to_pil

        if step.index in self._wanted:
            self.frames.append(make_grid(to_pil(step.x_t)))


def _write_extras(
    args: argparse.Namespace,
    output: Output,
    images: list[Image.Image],
    recorder: _Recorder | None,
    recipe: dict[str, Any],
) -> None:
    from ..pictures.animation import animate
    from ..pictures.images import make_grid

    if args.grid:
        output.write_png("grid.png", make_grid(images), recipe)
    if recorder is not None:
        content = animate(recorder.frames, args.animation)
        output.write(f"animation.{args.animation}", content)
