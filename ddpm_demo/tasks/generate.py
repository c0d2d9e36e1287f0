"""Pictures from noise: x_T ~ N(0, I), then a sampler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..core.mixture import Parts, parse_part, varied
from ..core.seeds import MAX_SEED
from ..errors import UserError
from ..recipes.field import field
from ..recipes.recipe import MAX_SIZE_PX, MAX_STEPS, Recipe
from ..samplers.table import (
    CONSISTENCY,
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
# Of a mix in a file's name.
MAX_NAMED = 4
# Samplers of ordinary checkpoints.
_SPACED = tuple(name for name in SAMPLERS if name != CONSISTENCY)


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
        guidance: strength of autoguidance, for checkpoints that ship a weaker version of
            themselves (`core.autoguidance`); 1 for none.
        mix: a place between seeds instead of the seed alone, as "seed:weight" each; only the
            weights' proportions count (`core.mixture`).
        variation: share of seed + i's noise beside that of `mix`, 0 to 1.
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
    guidance: float = field(
        1.0, ge=1, le=4, step=0.1, advanced=True, suits=lambda info: info.has_guide
    )
    mix: tuple[str, ...] = field((), advanced=True)
    variation: float = field(0.0, ge=0, le=1, step=0.05, advanced=True)

    @classmethod
    def made_by(cls, version: object, values: Mapping[str, Any]) -> Self:
        """Bundled checkpoints had no timesteps of their own for their default in 0.1.0: what it
        left to the sampler is named, so that its pictures come out the same to the last bit."""
        sampler = values.get("sampler")
        if version == "0.1.0" and values.get("spacing") is None and sampler in _SPACED:
            values = {**values, "spacing": sampler_info(sampler).spacing}
        return super().made_by(version, values)

    def check(self) -> None:
        self._check_mix()
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

    def _check_mix(self) -> None:
        if not self.mix and self.variation:
            raise UserError(
                "variation_without_mix",
                "Variation is the share of fresh noise beside a mix of seeds; give a mix, or set "
                "it to 0.",
                field="variation",
            )
        if self.mix:
            varied(self.mix, self.variation, self.seed)
        if self.mix and not self.variation and self.num_images > 1:
            raise UserError(
                "mix_of_many",
                "A mix of seeds without variation is one picture, not {count}: ask for one, or "
                "set the variation.",
                field="num_images",
                count=self.num_images,
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
        own_timesteps = self.spacing is None and not self.eta
        check_few_step(info, sampler, num_steps, own_timesteps=own_timesteps)
        check_langevin(sampler_info(sampler), self.langevin_steps, self.step_size)
        return self.replace(
            sampler=sampler, num_steps=num_steps, size_px=self.size_px or info.size_px
        )

    def parts(self, index: int) -> Parts:
        """Of which seeds' noises picture `index` is made."""
        seed = self.seed + index
        return varied(self.mix, self.variation, seed) if self.mix else ((seed, 1.0),)

    def picture_name(self, index: int) -> str:
        if not self.mix:
            return super().picture_name(index)
        seeds = [str(parse_part(words)[0]) for words in self.mix]
        name = "-".join(["mix", *seeds[:MAX_NAMED]])
        return f"{name}-seed-{self.seed + index}" if self.variation else name

    def start(self, prior: Prior) -> Run:
        from ..recipes.run import Run
        from ..samplers.from_noise import from_noise

        recipe = self.complete(prior.info)
        parts = [recipe.parts(index) for index in range(recipe.num_images)]
        return Run(recipe, prior.info, from_noise(prior, recipe, parts))
