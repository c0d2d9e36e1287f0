"""`DDPM`: a checkpoint with everything that can be done with it. The page, the command line and
Python code all stand on this.

    ddpm = DDPM.from_pretrained("faces-64")
    for step in ddpm.generate(GenerateRecipe(checkpoint="faces-64", num_images=4)):
        ...
    images = ddpm.generate(recipe).images()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from . import __version__, checkpoints
from .checkpoints import CheckpointInfo
from .denoiser import UNetDenoiser
from .device import default_device
from .images import to_pil, to_tensor
from .noise import NoiseSource
from .recipes import GenerateRecipe, Recipe
from .samplers import Step, sampler_info
from .schedule import Schedule
from .tasks.diffuse import DiffuseRecipe, diffuse
from .tasks.generate import generate
from .tasks.interpolate import InterpolateRecipe, Interpolation


class Run:
    """A run of a task: iterate it for its `Step`s, or ask for `images()`.

    Attributes:
        recipe: complete, defaults filled in.
        info: the checkpoint.
        last: the newest `Step` seen, None before the first. After a cancelled run its x0_hat is
            what there is.
    """

    def __init__(self, recipe: Recipe, info: CheckpointInfo, steps: Iterable[Step]):
        self.recipe = recipe
        self.info = info
        self.last: Step | None = None
        self._steps = steps

    def __iter__(self) -> Iterator[Step]:
        for step in self._steps:
            self.last = step
            yield step

    def images(self) -> list[Image.Image]:
        """The pictures, after running whatever is left of the run."""
        for _ in self:
            pass
        return to_pil(self.last.x0_hat) if self.last is not None else []

    def metadata(self, index: int = 0) -> dict[str, Any]:
        """What picture `index` carries in its file: the recipe and what it was made with."""
        recipe = self.recipe.to_dict()
        if self.info.source == "local":
            # A picture is passed on: it names the checkpoint, not where it lies on this machine.
            recipe["checkpoint"] = Path(recipe["checkpoint"]).name
        return {
            **recipe,
            "image_index": index,
            "weight_hash": self.info.weight_hash,
            "version": __version__,
        }


class InterpolationRun(Run):
    """A run of `DDPM.interpolate`; its pictures are the frames, the samples of each together."""

    def __init__(self, recipe: Recipe, info: CheckpointInfo, steps: Interpolation):
        super().__init__(recipe, info, steps)
        self.interpolation = steps

    def metadata(self, index: int = 0) -> dict[str, Any]:
        """As ever, and how near each end came to its picture: MSE in [0, 1], None for seeds."""
        errors = [r and r.mse for r in self.interpolation.reconstructions()]
        return {**super().metadata(index), "reconstruction_mse": errors}


class DDPM:
    """A loaded checkpoint.

    Attributes:
        info: what is known about the checkpoint.
        denoiser: the network and its schedule.
        schedule: the noise schedule.
    """

    def __init__(
        self, unet: torch.nn.Module, scheduler_config: dict[str, Any], info: CheckpointInfo
    ):
        self.info = info
        self.schedule = Schedule.from_config(scheduler_config)
        clip = scheduler_config.get("clip_sample", True)
        self.denoiser = UNetDenoiser(
            unet,
            self.schedule,
            scheduler_config.get("prediction_type", "epsilon"),
            clip_range=float(scheduler_config.get("clip_sample_range", 1.0)) if clip else None,
        )
        large = str(scheduler_config.get("variance_type", "")).startswith("fixed_large")
        self.variance = "fixed_large" if large else "fixed_small"

    @classmethod
    def from_pretrained(
        cls, name: str, device: torch.device | str | None = None, *, allow_paths: bool = True
    ) -> DDPM:
        """The checkpoint called `name`: bundled or fine-tuned, a folder, or a Hub id.

        Args:
            name: "faces-64", a folder, or "owner/name[@revision]".
            device: None for accelerate's choice.
            allow_paths: False for names that came over the network, which must not open a path.

        Raises:
            UserError: no such checkpoint, or one that is broken or unsafe.
        """
        device = torch.device(device) if device is not None else default_device()
        return cls(*checkpoints.load(name, device, allow_paths=allow_paths))

    @property
    def device(self) -> torch.device:
        return self.denoiser.device

    def complete(self, recipe: GenerateRecipe) -> GenerateRecipe:
        """The recipe with the checkpoint's defaults where it says None."""
        sampler = recipe.sampler or self.info.default_sampler
        num_steps = recipe.num_steps
        if num_steps is None:
            own_default = sampler == self.info.default_sampler
            num_steps = (
                self.info.default_num_steps if own_default else sampler_info(sampler).num_steps
            )
        size_px = recipe.size_px or self.info.size_px
        return recipe.replace(sampler=sampler, num_steps=num_steps, size_px=size_px)

    def generate(self, recipe: GenerateRecipe) -> Run:
        """Pictures from noise.

        Raises:
            UserError: something in the recipe cannot be done with this checkpoint.
        """
        recipe = self.complete(recipe)
        noise = NoiseSource.for_run(recipe.seed, recipe.num_images, self.device)
        assert recipe.size_px is not None
        image_shape = (self.denoiser.channels, recipe.size_px, recipe.size_px)
        steps = generate(self.denoiser, recipe, image_shape, noise, variance=self.variance)
        return Run(recipe, self.info, steps)

    def interpolate(
        self, recipe: InterpolateRecipe, images: Sequence[Image.Image] = ()
    ) -> InterpolationRun:
        """What lies between pictures, seeds, or some of each.

        Args:
            recipe: what is wanted.
            images: one for every "image" of `recipe.ends`; cut to a square in the middle, scaled.

        Raises:
            UserError: something in the recipe cannot be done with this checkpoint.
        """
        size_px = recipe.size_px or self.own_size_px(images)
        recipe = recipe.replace(size_px=size_px)
        run = Interpolation(
            self.denoiser,
            recipe,
            [self.square(image, size_px) for image in images],
            (self.denoiser.channels, size_px, size_px),
            variance=self.variance,
            device=self.device,
        )
        return InterpolationRun(recipe, self.info, run)

    def diffuse(self, recipe: DiffuseRecipe, image: Image.Image | None = None) -> Run:
        """A picture noised to t and brought back; without one, from pure noise.

        Raises:
            UserError: something in the recipe cannot be done with this checkpoint.
        """
        size_px = recipe.size_px or self.own_size_px([image] if image else [])
        recipe = recipe.complete(self.schedule.num_timesteps).replace(size_px=size_px)
        steps = diffuse(
            self.denoiser,
            recipe,
            self.square(image, size_px) if image else None,
            (self.denoiser.channels, size_px, size_px),
            variance=self.variance,
            device=self.device,
        )
        return Run(recipe, self.info, steps)

    def own_size_px(self, images: Sequence[Image.Image] = ()) -> int:
        """The checkpoint's size; for a prior of photographs up to 128, as far as they go."""
        sides = [side for image in images for side in image.size]
        if self.info.prior != "photo" or not sides:
            return self.info.size_px
        return max(8, min(128, *sides))

    def square(self, image: Image.Image, size_px: int) -> Tensor:
        """The middle of a picture as the network's [1, C, size_px, size_px] in [-1, 1]."""
        fitted = ImageOps.fit(image, (size_px, size_px), Image.Resampling.LANCZOS)
        return to_tensor(fitted, self.denoiser.channels)
