"""A picture noised and brought back, with branches; how is in `process.there_and_back`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from ..core.seeds import MAX_SEED
from ..process.branching import check_branch
from ..process.noising import noising_steps
from ..recipes.field import field
from ..recipes.inputs import Picture
from ..recipes.recipe import MAX_SIZE_PX, MAX_STEPS, Recipe
from ..samplers.table import CONSISTENCY, SAMPLERS, check_few_step, check_task, uses_eta

if TYPE_CHECKING:
    from PIL import Image

    from ..checkpoints.library import CheckpointInfo
    from ..process.diffusion_run import DiffusionRun
    from ..recipes.prior import Prior

MAX_IMAGES = 256
DEFAULT_SAMPLER = "ddpm"
DEFAULT_NUM_STEPS = 50
FEW_STEPS = 4  # of a checkpoint made for few


class DiffuseRecipe(Recipe):
    """A picture noised and denoised, or a run from pure noise, with branches.

    Args:
        t: noising steps, 1 to T; None for T, which leaves nothing of the picture.
        num_images: noisings of the picture, or siblings when there is a branch.
        sampler: a key of `samplers.table.SAMPLERS`; None for "ddpm", or "consistency" where the
            checkpoint is for few evaluations.
        num_steps: 1 to t; None for 50 (4 where it is for few), or t where that is less.
        eta: share of fresh noise, for "ddim" alone.
        branch_at: the step from which on the siblings differ, 0 to num_steps - 1; None for no
            branch.
        branch_seed: sibling i goes on with the noise of branch_seed + i.
        size_px: side of the square picture; None for the checkpoint's native size.
    """

    task: ClassVar[str] = "diffuse"
    position: ClassVar[int] = 80
    for_few_steps: ClassVar[bool] = True
    inputs: ClassVar[tuple[Picture, ...]] = (Picture("image", required=False),)

    t: int | None = field(None, ge=1, le=MAX_STEPS, unit="steps")
    num_images: int = field(1, ge=1, le=MAX_IMAGES)
    sampler: str | None = field(None, choices=lambda: tuple(SAMPLERS))
    num_steps: int | None = field(None, ge=1, le=MAX_STEPS)
    eta: float = field(0.0, ge=0, le=1, step=0.05, advanced=True, applies=uses_eta)
    branch_at: int | None = field(None, ge=0, le=MAX_STEPS, advanced=True)
    branch_seed: int = field(1, ge=0, le=MAX_SEED, advanced=True)
    size_px: int | None = field(None, ge=8, le=MAX_SIZE_PX, unit="pixels", advanced=True)

    def picture_name(self, index: int) -> str:
        first = self.seed if self.branch_at is None else self.branch_seed
        return f"seed-{first + index}"

    def complete(self, num_timesteps: int, info: CheckpointInfo | None = None) -> Self:
        """With t, sampler and steps filled in.

        Args:
            num_timesteps: T.
            info: of the checkpoint; None for an ordinary one.

        Raises:
            UserError: t beyond T, a branch beyond the run or one that would change nothing, a
                sampler or steps that the checkpoint is not for.
        """
        t = noising_steps(self.t, num_timesteps, 1, num_timesteps)
        if info is not None and info.made_for_steps:
            check_task(info, self.task)  # it knows no other noise levels to start from
        is_few = info is not None and info.default_sampler == CONSISTENCY
        sampler = self.sampler or (CONSISTENCY if is_few else DEFAULT_SAMPLER)
        own_num_steps = min(FEW_STEPS if is_few else DEFAULT_NUM_STEPS, t)
        num_steps = own_num_steps if self.num_steps is None else self.num_steps
        if info is not None:
            check_few_step(info, sampler, num_steps)
        if self.branch_at is not None:
            check_branch(sampler, self.eta, self.branch_at, num_steps)
        return self.replace(t=t, sampler=sampler, num_steps=num_steps)

    def start(self, prior: Prior, image: Image.Image | None = None) -> DiffusionRun:
        from ..process.diffusion_run import DiffusionRun
        from ..process.there_and_back import diffuse
        from ..recipes.prior import own_size_px, square

        size_px = self.size_px or own_size_px(prior.info, [image] if image else [])
        recipe = self.complete(prior.schedule.num_timesteps, prior.info)
        recipe = recipe.replace(size_px=size_px)
        channels = prior.denoiser.channels
        x_0 = square(image, size_px, channels) if image else None
        steps = diffuse(
            prior.denoiser,
            recipe,
            x_0,
            (channels, size_px, size_px),
            variance=prior.variance,
            device=prior.device,
        )
        return DiffusionRun(recipe, prior.info, steps, prior.schedule, x_0)
