"""`DDPM`: a checkpoint with everything that can be done with it. The page, the command line and
Python code all stand on this.

    ddpm = DDPM.from_pretrained("faces-64")
    for step in ddpm.generate(GenerateRecipe(checkpoint="faces-64", num_images=4)):
        ...
    images = ddpm.generate(recipe).images()
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from .checkpoints import library
from .checkpoints.library import CheckpointInfo
from .core.denoiser import UNetDenoiser, use
from .core.device import default_device
from .core.precision import AUTO, name_of, slow_note
from .core.schedule import Schedule
from .errors import UserError
from .recipes.recipe import Recipe
from .recipes.run import Run
from .samplers.table import check_task

if TYPE_CHECKING:
    from PIL import Image

    from .process.diffusion_run import DiffusionRun
    from .process.interpolation_run import InterpolationRun
    from .restoration.run import RestorationRun
    from .tasks.colourise import ColouriseRecipe
    from .tasks.deblur import DeblurRecipe
    from .tasks.denoise import DenoiseRecipe
    from .tasks.diffuse import DiffuseRecipe
    from .tasks.generate import GenerateRecipe
    from .tasks.inpaint import InpaintRecipe
    from .tasks.interpolate import InterpolateRecipe
    from .tasks.upscale import UpscaleRecipe


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
        return cls(*library.load(name, device, allow_paths=allow_paths))

    def guide(self) -> UNetDenoiser:
        """The weaker version of itself that the checkpoint ships with, in the same precision.

        Raises:
            UserError: it has none.
        """
        weaker = type(self)(*library.load_guide(self.info, self.device)).denoiser
        weaker.precision = self.denoiser.precision
        return weaker

    @property
    def device(self) -> torch.device:
        return self.denoiser.device

    def run(self, recipe: Recipe, **inputs: Any) -> Run:  # noqa: ANN401  as the task's `inputs`
        """Any task; the methods below name those that come with the program.

        Args:
            recipe: what is wanted.
            inputs: PIL pictures by the names of `type(recipe).inputs`.

        Raises:
            UserError: a picture is missing or not the task's, or the recipe cannot be done with
                this checkpoint.
        """
        known = {told.name: told for told in type(recipe).inputs}
        for name in inputs:
            if name not in known:
                raise UserError(
                    "input_unknown",
                    "The task {task} takes no picture “{name}”.",
                    field=name,
                    task=recipe.task,
                    name=name,
                )
        for name, told in known.items():
            if told.required and inputs.get(name) is None:
                raise UserError("picture_missing", "Give a picture first.", field=name)
        if not recipe.for_few_steps:
            check_task(self.info, recipe.task)
        wanted = "float32" if recipe.is_exact else recipe.precision
        prior = self.in_precision(wanted)
        found = recipe.start(prior, **inputs)
        found.recipe = found.recipe.replace(precision=name_of(prior.denoiser.precision))
        if wanted != AUTO:
            note = slow_note(prior.denoiser.precision, self.device)
            found.warnings += [note] if note is not None else []
        return found

    def in_precision(self, precision: str) -> DDPM:
        """The same checkpoint, the network shared, with its products in another precision.

        Args:
            precision: one of `core.precision.PRECISIONS`; "auto" for what `DDPM_DEMO_PRECISION`
                said when it was loaded, else what suits the device.

        Raises:
            UserError: no such precision.
        """
        prior = copy.copy(self)
        if precision != AUTO:
            prior.denoiser = use(self.denoiser, precision)
        return prior

    def generate(self, recipe: GenerateRecipe) -> Run:
        """Pictures from noise."""
        return self.run(recipe)

    def denoise(self, recipe: DenoiseRecipe, image: Image.Image) -> RestorationRun:
        """A picture without its noise; of any size and mode. A prior of objects squares it to its
        own size, see `restoration.fit.fit`."""
        return self.run(recipe, image=image)

    def inpaint(
        self, recipe: InpaintRecipe, image: Image.Image, mask: Image.Image | None = None
    ) -> RestorationRun:
        """A picture with a part of it made anew; what is outside the mask comes back exactly.

        The mask has the picture's size, and white (128 and above) is filled; None only where the
        recipe expands the picture.
        """
        return self.run(recipe, image=image, mask=mask)

    def upscale(self, recipe: UpscaleRecipe, image: Image.Image) -> RestorationRun:
        """A picture enlarged; a prior of objects gives results of its own size, from a picture
        squared to that size divided by the factor."""
        return self.run(recipe, image=image)

    def colourise(self, recipe: ColouriseRecipe, image: Image.Image) -> RestorationRun:
        """Colours for a grey picture."""
        return self.run(recipe, image=image)

    def deblur(self, recipe: DeblurRecipe, image: Image.Image) -> RestorationRun:
        """A picture without its blur."""
        return self.run(recipe, image=image)

    def interpolate(
        self, recipe: InterpolateRecipe, images: Sequence[Image.Image] = ()
    ) -> InterpolationRun:
        """What lies between pictures, seeds, or some of each; a picture for every "image" of
        `recipe.ends`, cut to a square in the middle and scaled."""
        return self.run(recipe, images=images)

    def diffuse(self, recipe: DiffuseRecipe, image: Image.Image | None = None) -> DiffusionRun:
        """A picture noised to t and brought back; without one, from pure noise."""
        return self.run(recipe, image=image)
