"""Pictures from noise: x_T ~ N(0, I), then a sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from ..core.seeds import MAX_SEED
from ..errors import UserError
from ..recipes.field import field
from ..recipes.recipe import MAX_SIZE_PX, MAX_STEPS, Recipe
from ..samplers.table import (
    MAX_LANGEVIN_STEP_SIZE,
    MAX_LANGEVIN_STEPS,
    SAMPLERS,
    SPACINGS,
    check_few_step,
    check_langevin,
    sampler_info,
    uses_eta,
    uses_langevin,
)

if TYPE_CHECKING:
    from ..checkpoints.library import CheckpointInfo
    from ..recipes.prior import Prior
    from ..recipes.run import Run

MAX_IMAGES = 256


class GenerateRecipe(Recipe):
    """Pictures from noise.

    Args:
        num_images: pictures; image i uses seed + i.
        sampler: a key of `samplers.table.SAMPLERS`; None for the checkpoint's default.
        num_steps: 1 to T; None for the default of checkpoint and sampler.
        eta: share of fresh noise, for "ddim" alone.
        langevin_steps: updates at each level, for "langevin" alone; None for 5.
        step_size: of an update in sigma^2, for "langevin" alone; None for 1.
        spacing: one of `samplers.table.SPACINGS`; None for the sampler's own.
        size_px: side of the square picture; None for the checkpoint's native size.
    """

    task: ClassVar[str] = "generate"
    position: ClassVar[int] = 10
    for_few_steps: ClassVar[bool] = True

    num_images: int = field(16, ge=1, le=MAX_IMAGES)
    sampler: str | None = field(None, choices=lambda: tuple(SAMPLERS))
    num_steps: int | None = field(None, ge=1, le=MAX_STEPS)
    eta: float = field(0.0, ge=0, le=1, step=0.05, advanced=True, applies=uses_eta)
    langevin_steps: int | None = field(
        None, ge=1, le=MAX_LANGEVIN_STEPS, advanced=True, applies=uses_langevin
    )
    step_size: float | None = field(
        None, ge=0.01, le=MAX_LANGEVIN_STEP_SIZE, step=0.05, advanced=True, applies=uses_langevin
    )
    spacing: str | None = field(None, choices=lambda: SPACINGS, advanced=True)
    size_px: int | None = field(None, ge=8, le=MAX_SIZE_PX, unit="pixels", advanced=True)

    def check(self) -> None:
        if self.seed + self.num_images - 1 > MAX_SEED:
            raise UserError(
                "seed_of_last_image",
                "With {count} images the seed must be at most {high}, not {value}: "
                "image i uses the seed + i.",
                field="seed",
                count=self.num_images,
                high=MAX_SEED - self.num_images + 1,
                value=self.seed,
            )

    def of_picture(self, index: int) -> Self:
        return self.replace(seed=self.seed + index, num_images=1)

    def complete(self, info: CheckpointInfo) -> Self:
        """With the checkpoint's defaults where it says None."""
        sampler = self.sampler or info.default_sampler
        num_steps = self.num_steps
        if num_steps is None:
            is_own = sampler == info.default_sampler
            num_steps = info.default_num_steps if is_own else sampler_info(sampler).num_steps
        check_few_step(info.default_sampler, sampler, num_steps)
        check_langevin(sampler_info(sampler), self.langevin_steps, self.step_size)
        return self.replace(
            sampler=sampler, num_steps=num_steps, size_px=self.size_px or info.size_px
        )

    def start(self, prior: Prior) -> Run:
        from ..core.noise import NoiseSource
        from ..recipes.run import Run
        from ..samplers.sample import sample
        from ..samplers.timesteps import timesteps_for

        recipe = self.complete(prior.info)
        assert recipe.sampler is not None and recipe.num_steps is not None
        assert recipe.size_px is not None
        noise = NoiseSource.for_run(recipe.seed, recipe.num_images, prior.device)
        timesteps = timesteps_for(
            prior.schedule,
            recipe.sampler,
            recipe.num_steps,
            recipe.spacing,
            prior.info.learned_steps,
        )
        x_t = noise.randn((prior.denoiser.channels, recipe.size_px, recipe.size_px))
        steps = sample(
            recipe.sampler,
            prior.denoiser,
            x_t,
            timesteps,
            noise,
            eta=recipe.eta,
            variance=prior.variance,
            langevin_steps=recipe.langevin_steps,
            step_size=recipe.step_size,
        )
        return Run(recipe, prior.info, steps)
