"""Timesteps learned for one checkpoint, one deterministic sampler and one number of steps.

The pictures of few steps are to be those of many steps from the same noise, as in LD3 (Tong et al.
2024, arXiv:2405.15506), but searched for without gradients: first the three numbers of a Karras
spacing (Karras et al. 2022, eq. 5), then every noise level on its own. Pictures are compared by
what the network itself sees in them, the features of its middle block at little noise: nearness in
pixels alone would be bought with blur.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..core.denoiser import Denoiser, UNetDenoiser
from ..core.noise import NoiseSource
from ..errors import UserError
from .sample import sample
from .table import sampler_info
from .timesteps import make_timesteps

TEACHER, TEACHER_STEPS = "dpmpp_2m", 50
MAX_TUNED_STEPS = 30
SEED = 2**31  # nobody's first choice: what is measured with other seeds was not tuned on
SIGMA_RANGE = (0.01, 80.0)
FEATURE_SIGMA = 0.1
# Of the search: log sigma of the first and the last level and 1 / rho, and how far a try goes.
START, FIRST_STRIDE = (math.log(80.0), math.log(0.07), 0.08), (0.5, 0.5, 0.06)
FAMILY_ROUNDS, LEVEL_ROUNDS = 3, 2

Embed = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Tuned:
    """What was found.

    Args:
        timesteps: descending, fractions allowed.
        distance: from the pictures of many steps, with noise that was not tuned on.
        own_distance: the same for the sampler's own spacing.
        num_tries: schedules tried.
    """

    timesteps: tuple[float, ...]
    distance: float
    own_distance: float
    num_tries: int

    @property
    def is_better(self) -> bool:
        return self.distance < self.own_distance


def tune_steps(
    denoiser: Denoiser,
    sampler: str,
    num_steps: int,
    image_shape: tuple[int, int, int],
    *,
    num_images: int = 16,
    teacher_steps: int = TEACHER_STEPS,
    device: torch.device | str = "cpu",
    on_try: Callable[[int, float], None] | None = None,
) -> Tuned:
    """The timesteps with which `sampler` comes nearest to many steps from the same noise.

    Args:
        denoiser: the checkpoint's.
        sampler: a deterministic one of `SAMPLERS`.
        num_steps: 2 to 30.
        image_shape: (C, H, W).
        num_images: pictures to imitate, and as many to measure on afterwards.
        teacher_steps: of DPM-Solver++ 2M, which is imitated.
        device: where the pictures live.
        on_try: told the number of schedules tried and the best distance so far.

    Raises:
        UserError: a stochastic sampler, a number of steps out of range.
    """
    _check(sampler, num_steps)
    search = _Search(denoiser, sampler, num_steps, image_shape, num_images, device, teacher_steps)
    search.on_try = on_try
    levels = search.levels(search.family())
    own = make_timesteps(denoiser.schedule, num_steps, sampler_info(sampler).spacing)
    found = [denoiser.schedule.t_from_sigma(math.exp(level)) for level in levels]
    search.look_at(SEED + num_images)
    return Tuned(tuple(found), search.distance(found), search.distance(own), search.num_tries)


class _Search:
    """Tries schedules on fixed noise."""

    def __init__(
        self,
        denoiser: Denoiser,
        sampler: str,
        num_steps: int,
        image_shape: tuple[int, int, int],
        num_images: int,
        device: torch.device | str,
        teacher_steps: int,
    ):
        self.denoiser, self.sampler, self.num_steps = denoiser, sampler, num_steps
        self.image_shape, self.num_images, self.device = image_shape, num_images, device
        self.teacher_times = make_timesteps(denoiser.schedule, teacher_steps)
        self.embed = _embedding(denoiser)
        self.num_tries, self.best = 0, math.inf
        self.on_try: Callable[[int, float], None] | None = None
        self.look_at(SEED)

    def look_at(self, seed: int) -> None:
        """Compare with the pictures of these seeds from now on."""
        self.seed = seed
        self.wanted = self.embed(self._pictures(TEACHER, self.teacher_times))

    def distance(self, timesteps: Sequence[float]) -> float:
        """The root mean square difference of features, in units of their own spread."""
        found = self.embed(self._pictures(self.sampler, timesteps))
        spread = self.wanted.std(0).clamp(min=1e-6)
        return float(((found - self.wanted) / spread).square().mean().sqrt())

    def family(self) -> np.ndarray:
        """log sigma of each step, of the best Karras spacing."""
        best = np.array(START)
        best_distance = self._try(self._karras(best))
        stride = np.array(FIRST_STRIDE)
        for _ in range(FAMILY_ROUNDS):
            for axis in (1, 2, 0):
                for sign in (1, -1):
                    tried = best.copy()
                    tried[axis] += sign * stride[axis]
                    found = self._try(self._karras(tried))
                    if found < best_distance:
                        best, best_distance = tried, found
                        break
            stride = stride / 2
        return self._karras(best)

    def levels(self, best: np.ndarray) -> np.ndarray:
        """Each level moved by a part of its distance to its neighbours, as long as it helps."""
        best_distance = self._try(best)
        share = 0.3
        for _ in range(LEVEL_ROUNDS):
            for place in range(self.num_steps - 1, -1, -1):
                room = self._room(best, place)
                for sign in (1, -1):
                    tried = best.copy()
                    tried[place] += sign * share * room
                    found = self._try(tried)
                    if found < best_distance:
                        best, best_distance = tried, found
                        break
            share /= 2
        return best

    def _room(self, levels: np.ndarray, place: int) -> float:
        gaps = -np.diff(levels)
        return float(gaps[max(0, place - 1) : place + 1].min())

    def _karras(self, numbers: np.ndarray) -> np.ndarray:
        first, last, power = numbers
        power = float(np.clip(power, 0.01, 1.0))
        ends = np.exp(np.array([first, last]) * power)
        return np.log(np.linspace(*ends, self.num_steps)) / power

    def _try(self, levels: np.ndarray) -> float:
        """The distance with these log sigmas; infinite where they are no schedule."""
        times = [self.denoiser.schedule.t_from_sigma(math.exp(level)) for level in levels]
        low, high = np.log(SIGMA_RANGE)
        if not all(low <= level <= high + 1e-9 for level in levels):
            return math.inf
        if not all(a > b for a, b in pairwise(times)):
            return math.inf
        found = self.distance(times)
        self.num_tries += 1
        self.best = min(self.best, found)
        if self.on_try is not None:
            self.on_try(self.num_tries, self.best)
        return found

    def _pictures(self, sampler: str, timesteps: Sequence[float]) -> Tensor:
        noise = NoiseSource.for_run(self.seed, self.num_images, self.device)
        steps = sample(sampler, self.denoiser, noise.randn(self.image_shape), timesteps, noise)
        *_, last = steps
        return last.x0_hat.clamp(-1, 1)


def _check(sampler: str, num_steps: int) -> None:
    if sampler_info(sampler).stochastic:
        raise UserError(
            "tune_steps_stochastic",
            "{title} draws new noise at every step, so that there is no picture to come near to; "
            "choose a deterministic sampler.",
            field="sampler",
            title=sampler_info(sampler).title,
        )
    if not 2 <= num_steps <= MAX_TUNED_STEPS:
        raise UserError(
            "num_steps_range",
            "The number of steps must be between {low} and {high}, not {value}.",
            field="num_steps",
            low=2,
            high=MAX_TUNED_STEPS,
            value=num_steps,
        )


def _embedding(denoiser: Denoiser) -> Embed:
    """Pictures [N, C, H, W] to features [N, D]: of the network's middle, else the pixels."""
    middle = getattr(denoiser.unet, "mid_block", None) if _is_network(denoiser) else None
    if middle is None:
        return lambda x: x.flatten(1).double()

    @torch.inference_mode()
    def embed(x: Tensor) -> Tensor:
        seen: list[Tensor] = []
        hook = middle.register_forward_hook(lambda module, inputs, output: seen.append(output))
        try:
            t = denoiser.schedule.t_from_sigma(FEATURE_SIGMA)
            denoiser.predict(denoiser.schedule.abar(t) ** 0.5 * x, t)
        finally:
            hook.remove()
        return torch.cat(seen).flatten(1).float().cpu().double()

    return embed


def _is_network(denoiser: Denoiser) -> bool:
    return isinstance(denoiser, UNetDenoiser) and denoiser.precision == torch.float32
