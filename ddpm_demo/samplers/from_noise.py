"""From pure noise to pictures: what `generate` does on a loaded checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..core.autoguidance import AutoguidedDenoiser
from ..core.mixture import Parts
from ..core.noise import MixedNoise
from ..core.step import Step
from .sample import sample
from .timesteps import timesteps_for

if TYPE_CHECKING:
    from ..core.denoiser import Denoiser
    from ..core.schedule import Schedule


def from_noise(prior: Any, asked: Any, images: Sequence[Parts]) -> Iterator[Step]:  # noqa: ANN401
    """The steps of a run from x_T ~ N(0, I).

    Args:
        prior: the loaded checkpoint, a `recipes.prior.Prior`.
        asked: a complete recipe of `generate`: sampler, num_steps, spacing, size_px, guidance and
            the knobs of samplers that have some.
        images: of which seeds' noises each image is made.

    Raises:
        UserError: as `timesteps_for` and `sample`.
    """
    denoiser: Denoiser = prior.denoiser
    if asked.guidance > 1:
        denoiser = AutoguidedDenoiser(
            prior.denoiser, prior.guide(), asked.guidance, prior.info.guidance_min_sigma
        )
    schedule: Schedule = prior.schedule
    noise = MixedNoise(images, prior.device)
    learned = prior.info.learned_steps
    times = timesteps_for(schedule, asked.sampler, asked.num_steps, asked.spacing, learned)
    return sample(
        asked.sampler,
        denoiser,
        noise.randn((prior.denoiser.channels, asked.size_px, asked.size_px)),
        times,
        noise,
        eta=asked.eta,
        variance=prior.variance,
        langevin_steps=asked.langevin_steps,
        step_size=asked.step_size,
    )
