"""The two processes on one picture: noise it to t, then come back; and branch on the way.

The way up is one draw of q(x_t | x_0) (Ho et al. 2020, arXiv:2006.11239, eq. 4), the way down any
sampler from there, as in SDEdit (Meng et al. 2021, arXiv:2108.01073). A branch follows a run to
one of its states and goes on with other noise: siblings that share everything down to that state.
Here t counts the noising steps: 0 is the picture itself, T pure noise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import MAX_SEED, NoiseSource
from ..core.step import Step
from ..errors import UserError
from ..samplers.sample import sample
from ..samplers.table import sampler_info
from ..samplers.timesteps import make_timesteps
from .recipe import MAX_IMAGES, MAX_SIZE_PX, MAX_STEPS, Recipe, check_range, register


@register
@dataclass(frozen=True, kw_only=True)
class DiffuseRecipe(Recipe):
    """A picture noised and denoised, or a run from pure noise, with branches.

    Args:
        t: noising steps, 1 to T; None for T, which leaves nothing of the picture.
        num_images: 1 to 256: noisings of the picture, or siblings when there is a branch.
        sampler: a key of `samplers.SAMPLERS`; None for "ddpm".
        num_steps: 1 to t; None for 50, or t where that is less.
        eta: 0 to 1, for "ddim" alone.
        branch_at: the step from which on the siblings differ, 0 to num_steps - 1; None for no
            branch.
        branch_seed: sibling i goes on with the noise of branch_seed + i.
        size_px: side of the square picture; None for the checkpoint's native size.
    """

    task: ClassVar[str] = "diffuse"
    t: int | None = None
    num_images: int = 1
    sampler: str | None = None
    num_steps: int | None = None
    eta: float = 0.0
    branch_at: int | None = None
    branch_seed: int = 1
    size_px: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("num_images", self.num_images, 1, MAX_IMAGES)
        if self.num_steps is not None:
            check_range("num_steps", self.num_steps, 1, MAX_STEPS)
        if self.size_px is not None:
            check_range("size_px", self.size_px, 8, MAX_SIZE_PX)
        check_range("branch_seed", self.branch_seed, 0, MAX_SEED)

    def picture_name(self, index: int) -> str:
        first = self.seed if self.branch_at is None else self.branch_seed
        return f"seed-{first + index}"

    def complete(self, num_timesteps: int) -> DiffuseRecipe:
        """With t, sampler and steps filled in.

        Raises:
            UserError: t beyond T, a branch beyond the run or one that would change nothing.
        """
        t = num_timesteps if self.t is None else self.t
        if not 1 <= t <= num_timesteps:
            raise UserError(
                "noising_steps_range",
                "The number of noising steps t must be between {low} and {high}, not {value}.",
                field="t",
                low=1,
                high=num_timesteps,
                value=t,
            )
        sampler = self.sampler or "ddpm"
        num_steps = min(50, t) if self.num_steps is None else self.num_steps
        recipe = self.replace(t=t, sampler=sampler, num_steps=num_steps)
        if recipe.branch_at is not None:
            check_branch(recipe.sampler, recipe.eta, recipe.branch_at, num_steps)
        return recipe


def check_branch(sampler: str, eta: float, branch_at: int, num_steps: int) -> None:
    """Raise a `UserError` unless a run can branch there."""
    info = sampler_info(sampler)
    if not info.stochastic and eta == 0:
        raise UserError(
            "branch_deterministic",
            "{title} draws no noise on the way, so that every branch would be the same; "
            "choose DDPM, or DDIM with an eta above 0.",
            field="sampler",
            title=info.title,
        )
    if not 0 <= branch_at < num_steps:
        raise UserError(
            "branch_range",
            "A run of {num_steps} steps can branch at step 0 to {high}, not {value}.",
            field="branch_at",
            num_steps=num_steps,
            high=num_steps - 1,
            value=branch_at,
        )


def diffuse(
    denoiser: Denoiser,
    recipe: DiffuseRecipe,
    image: Tensor | None,
    image_shape: tuple[int, int, int],
    *,
    variance: str = "fixed_small",
    device: torch.device | str = "cpu",
) -> Iterator[Step]:
    """The stream of a run from x_t down; before a branch it has one picture, after it siblings.

    Args:
        denoiser: the checkpoint's.
        recipe: of `complete`.
        image: x_0 in [-1, 1], [1, C, H, W]; None to start from pure noise.
        image_shape: (C, H, W) of the run.
        variance: of the "ddpm" sampler, from the checkpoint's scheduler.
        device: where the run goes on.

    Raises:
        UserError: no picture though t is not T, a picture of another shape, unknown sampler, steps
            or eta out of range.
    """
    schedule = denoiser.schedule
    assert recipe.t is not None and recipe.sampler is not None and recipe.num_steps is not None
    if image is None and recipe.t != schedule.num_timesteps:
        raise UserError(
            "diffuse_no_image",
            "Give a picture to noise to t = {t}, or start from pure noise with t = {high}.",
            field="image",
            t=recipe.t,
            high=schedule.num_timesteps,
        )
    if image is not None and tuple(image.shape) != (1, *image_shape):
        raise UserError(
            "diffuse_shape",
            "The picture must be {wanted} (channels x height x width), not {actual}.",
            field="image",
            wanted=" x ".join(str(n) for n in image_shape),
            actual=" x ".join(str(n) for n in image.shape[1:]),
        )
    info = sampler_info(recipe.sampler)
    timesteps = make_timesteps(schedule, recipe.num_steps, info.spacing, recipe.t - 1)
    trunk = 1 if recipe.branch_at is not None else recipe.num_images
    noise = NoiseSource.for_run(recipe.seed, trunk, device)
    x_t = noise.randn(image_shape)
    if image is not None:
        x_t = schedule.q_sample(image.to(x_t), recipe.t - 1, x_t)
    steps = sample(
        recipe.sampler, denoiser, x_t, timesteps, noise, eta=recipe.eta, variance=variance
    )
    if recipe.branch_at is None:
        return steps
    return _with_branch(denoiser, recipe, steps, timesteps, variance)


def _with_branch(
    denoiser: Denoiser,
    recipe: DiffuseRecipe,
    steps: Iterator[Step],
    timesteps: Sequence[float],
    variance: str,
) -> Iterator[Step]:
    assert recipe.branch_at is not None and recipe.sampler is not None
    for step in steps:
        if step.index == recipe.branch_at:
            break
        yield step
    seeds = range(recipe.branch_seed, recipe.branch_seed + recipe.num_images)
    yield from branch(
        denoiser, step, timesteps, seeds, recipe.sampler, eta=recipe.eta, variance=variance
    )


def branch(
    denoiser: Denoiser,
    step: Step,
    timesteps: Sequence[float],
    seeds: Sequence[int],
    sampler: str = "ddpm",
    *,
    eta: float = 0.0,
    variance: str = "fixed_small",
    picture: int = 0,
) -> Iterator[Step]:
    """Siblings of a picture: the state `step` once a seed, then the rest of the run.

    The stream goes on counting where `step` was.

    Args:
        denoiser: that of the run.
        step: a state of the run that is not its last.
        timesteps: of the whole run; t of `step` is `timesteps[step.index]`.
        seeds: one a sibling, of the noise from here on.
        sampler: a stochastic one; solvers that look back start afresh here.
        eta, variance: as in the run.
        picture: which picture of the batch.

    Raises:
        UserError: the sampler would not use the noise, or nothing of the run is left.
    """
    check_branch(sampler, eta, step.index, len(timesteps))
    x_t = step.x_t[picture : picture + 1].repeat(len(seeds), 1, 1, 1)
    noise = NoiseSource(seeds, x_t.device, x_t.dtype)
    rest = timesteps[step.index :]
    stream = sample(sampler, denoiser, x_t, rest, noise, eta=eta, variance=variance)
    return _counted_from(step, stream)


def _counted_from(start: Step, stream: Iterator[Step]) -> Iterator[Step]:
    before = start.num_evaluations - 1  # the first state is evaluated again
    for step in stream:
        yield dataclasses.replace(
            step,
            index=start.index + step.index,
            num_steps=start.num_steps,
            num_evaluations=before + step.num_evaluations,
        )
