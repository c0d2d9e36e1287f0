"""`python -m ddpm_demo diffuse IMAGE --t 250 --out DIR`: noise a picture to t and come back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import DEFAULT_CHECKPOINT, Output, add_animation_option, add_run_options, drain

if TYPE_CHECKING:
    from PIL import Image

    from ..core.step import Step
    from ..pipeline import DDPM
    from ..tasks.diffuse import DiffuseRecipe

STRIP_PICTURES = 9
_FIELDS = (
    "checkpoint",
    "seed",
    "t",
    "num_images",
    "sampler",
    "num_steps",
    "eta",
    "branch_at",
    "branch_seed",
    "size_px",
)


def add_parser(commands: Any) -> None:  # noqa: ANN401  argparse's own type is private
    parser = commands.add_parser(
        "diffuse",
        help="noise a picture to t and come back",
        description="The forward process on a picture up to t and the reverse process from there; "
        "without a picture, the reverse process from pure noise.",
    )
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="a picture file")
    add_run_options(parser)
    add_animation_option(parser)
    parser.add_argument("--t", type=int, help="noising steps, 1 to T (default: T, pure noise)")
    parser.add_argument("--num-images", type=int, metavar="N", help="default: 1")
    parser.add_argument("--eta", type=float, help="for ddim: 0 deterministic, 1 like ddpm")
    parser.add_argument(
        "--branch-at", type=int, metavar="STEP", help="the images differ from this step on"
    )
    parser.add_argument(
        "--branch-seed", type=int, metavar="S", help="image i goes on with S + i (default: 1)"
    )
    parser.add_argument("--size-px", type=int, help="default: the checkpoint's own size")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Diffuse and write the files."""
    from ..pictures.animation import animate, check_format
    from ..pictures.images import load_image, make_grid, to_pil
    from ..pipeline import DDPM

    recipe = make_recipe(args)
    if args.animation is not None:
        check_format(args.animation)
    image = load_image(Path(args.image)) if args.image else None
    output = Output(args.out, args.json)
    ddpm = DDPM.from_pretrained(recipe.checkpoint)
    diffusion = ddpm.diffuse(recipe, image)
    recorder = _Recorder(args.animation is not None, diffusion.recipe.num_steps)
    drain(diffusion, args.json, recorder)
    metadata = diffusion.metadata()
    if image is not None:
        strip = forward_strip(ddpm, diffusion.recipe, image)
        output.write_png("forward.png", strip, metadata)
    assert recorder.first is not None
    output.write_png("x_t.png", make_grid(to_pil(recorder.first.x_t)), metadata)
    output.write_png("x0_hat.png", make_grid(to_pil(recorder.first.x0_hat)), metadata)
    for index, picture in enumerate(diffusion.images()):
        name = f"{recipe.picture_name(index)}.png"
        output.write_png(name, picture, diffusion.metadata(index))
    if args.animation:
        output.write(f"animation.{args.animation}", animate(recorder.frames, args.animation))
    output.report(metadata, **_numbers(ddpm, diffusion.recipe))


def make_recipe(args: argparse.Namespace) -> DiffuseRecipe:
    """The recipe of the options given, over the defaults.

    Raises:
        UserError: a value out of range.
    """
    from ..tasks.diffuse import DiffuseRecipe

    given = {key: getattr(args, key) for key in _FIELDS if getattr(args, key) is not None}
    return DiffuseRecipe(**{"checkpoint": DEFAULT_CHECKPOINT, **given})


def forward_strip(ddpm: DDPM, recipe: DiffuseRecipe, image: Image.Image) -> Image.Image:
    """x_0 to x_t in one row, the same noise growing; the last one is where the run starts."""
    from ..core.noise import NoiseSource
    from ..pictures.images import make_grid, to_pil
    from ..process.forward import strip_timesteps

    x_0 = ddpm.square(image, recipe.size_px)
    noise = NoiseSource([recipe.seed]).randn(x_0.shape[1:])
    timesteps = strip_timesteps(recipe.t, min(STRIP_PICTURES, recipe.t + 1))
    row = [to_pil(ddpm.schedule.q_sample(x_0, t, noise))[0] for t in timesteps]
    return make_grid(row, columns=len(row))


def _numbers(ddpm: DDPM, recipe: DiffuseRecipe) -> dict[str, float]:
    """How much of the picture is left at t."""
    t = recipe.t - 1
    abar = ddpm.schedule.abar(t)
    return {"alphas_cumprod": abar, "snr": ddpm.schedule.snr(t), "sigma": ddpm.schedule.sigma(t)}


class _Recorder:
    """Keeps the first state, and the frames of an animation where one is wanted.

    A run that branches grows from one picture to several: the one is shown as often as they are.
    """

    def __init__(self, animated: bool, num_steps: int):
        from ..pictures.animation import frame_indices

        self.first: Step | None = None
        self._wanted = set(frame_indices(num_steps)) if animated else set()
        self._pictures: list[list[Image.Image]] = []

    def __call__(self, step: Step) -> None:
        from ..pictures.images import to_pil

        self.first = self.first or step
        if step.index in self._wanted:
            self._pictures.append(to_pil(step.x_t))

    @property
    def frames(self) -> list[Image.Image]:
        from ..pictures.images import make_grid

        count = max(len(pictures) for pictures in self._pictures)
        return [make_grid(p if len(p) == count else p * count) for p in self._pictures]
