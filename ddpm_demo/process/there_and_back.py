"""The two processes on one picture: noise it to t, then come back; and branch on the way.

The way up is one draw of q(x_t | x_0) (Ho et al. 2020, arXiv:2006.11239, eq. 4), the way down any
sampler from there, as in SDEdit (Meng et al. 2021, arXiv:2108.01073). A branch follows a run to
one of its states and goes on with other noise: siblings that share everything down to that state.
Here t counts the noising steps: 0 is the picture itself, T pure noise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..core.step import Step
from ..errors import UserError
from ..samplers.sample import sample
from ..samplers.table import sampler_info
from ..samplers.timesteps import make_timesteps
from .branching import check_branch


class Wanted(Protocol):
    """What is wanted, as `tasks.diffuse.DiffuseRecipe` says it; see there."""

    seed: int
    t: int | None
    num_images: int
    sampler: str | None
    num_steps: int | None
    eta: float
    branch_at: int | None
    branch_seed: int


def diffuse(
    denoiser: Denoiser,
    recipe: Wanted,
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
    recipe: Wanted,
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
