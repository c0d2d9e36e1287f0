"""`DDPM`: a checkpoint with everything that can be done with it. The page, the command line and
Python code all stand on this.

    ddpm = DDPM.from_pretrained("faces-64")
    for step in ddpm.generate(GenerateRecipe(checkpoint="faces-64", num_images=4)):
        ...
    images = ddpm.generate(recipe).images()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from .checkpoints import library as checkpoints
from .checkpoints.library import CheckpointInfo
from .core.denoiser import UNetDenoiser
from .core.device import default_device
from .core.noise import NoiseSource
from .core.schedule import Schedule
from .pictures.images import to_tensor
from .restoration import more, tasks
from .restoration.run import RestorationRun
from .samplers.table import check_few_step, sampler_info
from .tasks.diffuse import DiffuseRecipe, diffuse
from .tasks.generate import generate
from .tasks.interpolate import InterpolateRecipe, Interpolation
from .tasks.recipe import GenerateRecipe, Recipe
from .tasks.restoration_recipes import (
    ColouriseRecipe,
    DeblurRecipe,
    DenoiseRecipe,
    InpaintRecipe,
    UpscaleRecipe,
)
from .tasks.run import Run


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
        check_few_step(self.info.default_sampler, sampler, num_steps)
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
        steps = generate(
            self.denoiser,
            recipe,
            image_shape,
            noise,
            variance=self.variance,
            learned=self.info.learned_steps,
        )
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

    def denoise(self, recipe: DenoiseRecipe, image: Image.Image) -> RestorationRun:
        """A picture without its noise.

        Args:
            recipe: what is wanted.
            image: of any size and mode; a prior of objects squares it to its own size, see
                `restoration.prior.fit`.

        Raises:
            UserError: the picture is too large, too small or damaged.
        """
        return RestorationRun(recipe, self.info, tasks.denoise(self, recipe, image))

    def inpaint(
        self, recipe: InpaintRecipe, image: Image.Image, mask: Image.Image
    ) -> RestorationRun:
        """A picture with a part of it made anew; what is outside the mask comes back exactly.

        Args:
            recipe, image: as for `denoise`.
            mask: of the picture's size; white (128 and above) is filled.

        Raises:
            UserError: as for `denoise`; also for a mask of another size, an empty or a full one.
        """
        return RestorationRun(recipe, self.info, tasks.inpaint(self, recipe, image, mask))

    def upscale(self, recipe: UpscaleRecipe, image: Image.Image) -> RestorationRun:
        """A picture enlarged.

        Args:
            recipe: what is wanted.
            image: as for `denoise`; a prior of objects gives results of its own size, from a
                picture squared to that size divided by the factor.

        Raises:
            UserError: as for `denoise`.
        """
        return RestorationRun(recipe, self.info, tasks.upscale(self, recipe, image))

    def colourise(self, recipe: ColouriseRecipe, image: Image.Image) -> RestorationRun:
        """Colours for a grey picture.

        Raises:
            UserError: as for `denoise`; also when the checkpoint knows no colours.
        """
        return RestorationRun(recipe, self.info, more.colourise(self, recipe, image))

    def deblur(self, recipe: DeblurRecipe, image: Image.Image) -> RestorationRun:
        """A picture without its blur.

        Raises:
            UserError: as for `denoise`.
        """
        return RestorationRun(recipe, self.info, more.deblur(self, recipe, image))

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
