"""Between two pictures, two seeds or one of each; or over a grid between four corners.

"ddim": each picture is inverted to its noise, noise is interpolated on the sphere and DDIM comes
back (Song et al. 2020, arXiv:2010.02502, sections 5.3 and 5.4). Deterministic; the ends are the
pictures themselves, up to the error of the inversion.

"ddpm": both pictures are noised to t with the same noise, mixed on a straight line and denoised
(Ho et al. 2020, arXiv:2006.11239, section 4.3), several samples a mix. Here t counts the noising
steps, as in that paper: t = 0 mixes pixels, t = T leaves nothing of the pictures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ..core.denoiser import Denoiser, use, without_clipping
from ..core.inversion import INVERSION_SPACING, Reconstruction, invert, reconstruction
from ..core.noise import NoiseSource, slerp
from ..core.step import Step
from ..errors import UserError
from ..samplers.ddim import ddim
from ..samplers.ddpm import ddpm
from ..samplers.timesteps import make_timesteps
from .ends import parse_end, same_ends
from .frames import Frames
from .noising import noising_steps


class Between(Protocol):
    """What is wanted, as `tasks.interpolate.InterpolateRecipe` says it; see there."""

    seed: int
    ends: tuple[str, ...]
    num_between: int
    method: str
    num_steps: int
    max_evaluations: int
    t: int | None
    num_samples: int

    @property
    def frames(self) -> Frames: ...


class End(NamedTuple):
    """An end or a corner, [1, C, H, W]: a picture x_0, or the noise of a seed."""

    x: Tensor
    is_image: bool


class Interpolation:
    """The run: iterate it for its `Step`s, then ask for `reconstructions()`.

    The steps of the first part have a picture an end (the way up, or the making of pictures from
    seeds), those of the second a picture a frame and sample: sample j of frame f is picture
    f * samples + j. Everything the user can get wrong is refused on construction.

    Args:
        denoiser: the checkpoint's.
        recipe: what is wanted.
        images: for every "image" of `recipe.ends` a tensor [1, C, H, W] in [-1, 1].
        image_shape: (C, H, W) of the run.
        variance: of the "ddpm" chain, from the checkpoint's scheduler.
        device: where the pictures live.

    Raises:
        UserError: too few or too many pictures, pictures of other shapes or all the same, steps or
            t out of range.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        recipe: Between,
        images: Sequence[Tensor],
        image_shape: tuple[int, int, int],
        *,
        variance: str = "fixed_small",
        device: torch.device | str = "cpu",
    ):
        self.recipe = recipe
        self.ends = _ends(recipe, images, image_shape, torch.device(device))
        self.timesteps = make_timesteps(denoiser.schedule, recipe.num_steps, INVERSION_SPACING)
        num_timesteps = denoiser.schedule.num_timesteps
        t = noising_steps(recipe.t, num_timesteps // 2, 0, num_timesteps)
        self._final: Tensor | None = None
        if recipe.method == "ddim":
            exact = use(denoiser, "float32")  # the way back must be that up
            self._steps = _through_noise(exact, recipe, self.ends, self.timesteps)
        else:
            self._steps = _through_mixture(
                denoiser, recipe, self.ends, self.timesteps, t, variance
            )

    def __iter__(self) -> Iterator[Step]:
        for step in self._steps:
            if step.is_last:
                self._final = step.x0_hat
            yield step

    def reconstructions(self) -> list[Reconstruction | None]:
        """How near each end's frame came to its picture; None for seeds. Empty before the end.

        With "ddpm" it is that of the frame's first sample.
        """
        if self._final is None:
            return []
        frames = self.recipe.frames
        firsts = [self._final[frame * frames.num_samples][None] for frame in frames.ends]
        return [
            reconstruction(end.x, first)[0] if end.is_image else None
            for end, first in zip(self.ends, firsts, strict=True)
        ]


def mix_frames(
    ends: Tensor, num_between: int, mix: Callable[[Tensor, Tensor, float], Tensor]
) -> Tensor:
    """Every frame [F, ...] of the line between two ends or of the grid between four corners.

    Args:
        ends: [2, ...], or [4, ...] in reading order: then the frames are in reading order too.
        num_between: in-betweens, of a grid along each side.
        mix: `slerp`, or `torch.lerp` for the straight line.
    """
    shares = [k / (num_between + 1) for k in range(num_between + 2)]
    if len(ends) == 2:
        return torch.cat([mix(ends[:1], ends[1:], w) for w in shares])
    left = torch.cat([mix(ends[0:1], ends[2:3], w) for w in shares])
    right = torch.cat([mix(ends[1:2], ends[3:4], w) for w in shares])
    return torch.stack([mix(left, right, w) for w in shares], dim=1).flatten(0, 1)


@torch.inference_mode()
def _through_noise(
    denoiser: Denoiser, recipe: Between, ends: list[End], timesteps: list[float]
) -> Iterator[Step]:
    denoiser = without_clipping(denoiser)
    pictures = [end.x for end in ends if end.is_image]
    num_up, evaluations = 0, 0
    noises = iter(())
    if pictures:
        num_up = len(timesteps)
        upwards = invert(
            denoiser, torch.cat(pictures), timesteps, max_evaluations=recipe.max_evaluations
        )
        for step in upwards:
            if not step.is_last:  # its noise is where the way down starts
                yield dataclasses.replace(step, num_steps=2 * num_up)
        evaluations = step.num_evaluations
        noises = iter(step.x_t.split(1))
    corners = torch.cat([next(noises) if end.is_image else end.x for end in ends])
    x_t = mix_frames(corners, recipe.num_between, slerp)
    for step in ddim(denoiser, x_t, timesteps):
        yield _later(step, num_up, evaluations)


@torch.inference_mode()
def _through_mixture(
    denoiser: Denoiser,
    recipe: Between,
    ends: list[End],
    timesteps: list[float],
    t: int,
    variance: str,
) -> Iterator[Step]:
    num_steps = min(recipe.num_steps, t)
    seeds = [end.x for end in ends if not end.is_image]
    num_before = 0
    pictures = iter(())
    if seeds:  # a seed stands for the picture that DDIM makes of it
        num_before = len(timesteps)
        for step in ddim(denoiser, torch.cat(seeds), timesteps):
            if not step.is_last:
                yield dataclasses.replace(step, num_steps=num_before + num_steps)
        pictures = iter(step.x_t.split(1))
    corners = torch.cat([end.x if end.is_image else next(pictures) for end in ends])
    mixed = mix_frames(corners, recipe.num_between, torch.lerp)
    noise = _SharedNoise.for_run(recipe.seed, recipe.num_samples, mixed.device, mixed.dtype)
    noise.num_frames = len(mixed)
    x_t = mixed.repeat_interleave(recipe.num_samples, dim=0)
    if t > 0:
        # With shared noise the mix of the noised pictures is the noised mix of the pictures.
        x_t = denoiser.schedule.q_sample(x_t, t - 1, noise.randn(mixed.shape[1:]))
    chain = make_timesteps(denoiser.schedule, num_steps, "trailing", t - 1) if t > 0 else []
    for step in ddpm(denoiser, x_t, chain, noise, variance=variance):
        yield _later(step, num_before, num_before)


class _SharedNoise(NoiseSource):
    """The same draws for every frame, so that neighbours differ by their mix alone."""

    num_frames = 1

    def randn(self, image_shape: Sequence[int]) -> Tensor:
        return super().randn(image_shape).repeat(self.num_frames, 1, 1, 1)


def _later(step: Step, num_before: int, evaluations: int) -> Step:
    """The step as part of a stream that has `num_before` steps before it."""
    return dataclasses.replace(
        step,
        index=num_before + step.index,
        num_steps=num_before + step.num_steps,
        num_evaluations=evaluations + step.num_evaluations,
    )


def _ends(
    recipe: Between,
    images: Sequence[Tensor],
    image_shape: tuple[int, int, int],
    device: torch.device,
) -> list[End]:
    seeds = [parse_end(end) for end in recipe.ends]
    wanted = seeds.count(None)
    if len(images) != wanted:
        raise UserError(
            "interpolate_images",
            "{wanted} of the ends are pictures, but {count} pictures were given.",
            field="ends",
            wanted=wanted,
            count=len(images),
        )
    for image in images:
        if tuple(image.shape) != (1, *image_shape):
            raise UserError(
                "interpolate_shapes",
                "The pictures must have one size and mode: {wanted} was expected, not {actual} "
                "(channels x height x width).",
                field="ends",
                wanted=" x ".join(str(n) for n in image_shape),
                actual=" x ".join(str(n) for n in image.shape[1:]),
            )
    if wanted == len(seeds) and all(torch.equal(images[0], image) for image in images[1:]):
        raise same_ends()
    queue = iter(images)
    return [
        End(next(queue).to(device), True)
        if seed is None
        else End(NoiseSource([seed], device).randn(image_shape), False)
        for seed in seeds
    ]
