"""Distillation of a teacher's chain into a few long steps of DDIM.

Progressive distillation (Salimans & Ho 2022, arXiv:2202.00512) teaches a network to go in one
step of DDIM where its teacher goes in two, and repeats that. Here it is done at once: a step of
training runs the teacher's whole chain from fresh noise, and the network learns at each of its own
few timesteps to land where that chain comes by. What it starts a step from is its own state, not
the teacher's, so that what was missed before can be made good (Ross et al. 2011,
arXiv:1011.0686).

The same noise always has the same picture, so that nothing is averaged over, and a few timesteps
are all that the network has to know: a small one needs both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..core.schedule import Schedule
from ..errors import UserError
from ..samplers.sample import sample
from ..samplers.table import MAX_FEW_STEPS
from .limits import LEAPS
from .objective import Others, Predict

SOLVER = "dpmpp_2m"
STUDENT = "ddim"
# The teacher's chain where none is named: even timesteps (docs/few_steps.md, "Learned steps").
LAST_TIMESTEP, NUM_STEPS = 10.0, 12
# Each number of steps starts at a timestep of its own, this far from the others: pure noise looks
# the same at all of them, so that it is the timestep that says how far to go.
START_GAP = 2.0
# Of an error, so that it has a gradient at 0: about one 8-bit level.
SOFTNESS = 0.01

Leaps = Mapping[int, Sequence[int]]


def chain_of(schedule: Schedule, timesteps: Sequence[float] = ()) -> list[float]:
    """The teacher's timesteps, descending: those that are named, else even ones.

    Raises:
        UserError: they are none of a chain.
    """
    last = schedule.num_timesteps - 1
    if not timesteps:
        return np.linspace(last, LAST_TIMESTEP, NUM_STEPS).round(2).tolist()
    falls = all(a > b for a, b in pairwise(timesteps))
    if not falls or timesteps[0] > last or timesteps[-1] < 0:
        raise UserError(
            "train_teacher_timesteps",
            "“teacher_timesteps” must fall from at most {high} to at least 0.",
            field="teacher_timesteps",
            high=last,
        )
    return list(timesteps)


def read_leaps(told: Mapping[str, object], num_steps: int) -> dict[int, tuple[int, ...]]:
    """Places in a chain of `num_steps` that the network steps on, by how many steps it takes.

    Raises:
        UserError: they make no sense, or two numbers of steps would ask two things of one
            timestep.
    """
    leaps: dict[int, tuple[int, ...]] = {}
    after: dict[int, int] = {}
    for name, given in told.items():
        places = given if isinstance(given, list | tuple) else ()
        whole = all(isinstance(one, int) and not isinstance(one, bool) for one in places)
        count = int(name) if name.isascii() and name.isdigit() else 0
        fits = whole and places and places[0] == 0 and len(places) == count <= MAX_FEW_STEPS
        if not fits or sorted(set(places)) != list(places) or places[-1] >= num_steps:
            break
        then = pairwise([*places[1:], num_steps])
        if any(after.setdefault(place, one) != one for place, one in then):
            break
        leaps[count] = tuple(places)
    if not leaps or len(leaps) < len(told):
        raise UserError(
            "train_leaps",
            "“leaps” must name for each number of steps, 1 to {most}, as many rising places in "
            "the teacher's chain, from 0 to {high}, none but 0 followed by two: {example}.",
            field="leaps",
            most=MAX_FEW_STEPS,
            high=num_steps - 1,
            example=json.dumps(LEAPS),
        )
    return leaps


def student_timesteps(
    schedule: Schedule, chain: Sequence[float], leaps: Leaps
) -> dict[int, list[float]]:
    """The timesteps of the distilled network, descending, by how many steps it takes."""
    return {
        count: [
            schedule.num_timesteps - 1 - START_GAP * (count - 1),
            *(chain[place] for place in places[1:]),
        ]
        for count, places in sorted(leaps.items())
    }


class ProgressiveObjective:
    """The loss of a step, in place of `objective.Objective`.

    Args:
        schedule: of the teacher, whose weights the network starts from.
        prediction_type: "v_prediction", "epsilon" or "sample".
        teacher: the denoiser to distil.
        chain: its timesteps, see `chain_of`.
        leaps: see `read_leaps`.
        device: where batches live.
    """

    def __init__(
        self,
        schedule: Schedule,
        prediction_type: str,
        teacher: Denoiser,
        chain: Sequence[float],
        leaps: Leaps,
        device: torch.device | str = "cpu",
    ):
        self.schedule = schedule
        self.prediction_type = prediction_type
        self.teacher = teacher
        self.chain = list(chain)
        self.leaps = leaps
        self.timesteps = student_timesteps(schedule, chain, leaps)
        self.device = device

    def others(self) -> Others:
        """Nothing is trained beside the network."""
        return {}

    def batch_loss(
        self, predict: Predict, x_0: Tensor, t: Tensor, noise: Tensor, step: int
    ) -> Tensor:
        """The mean over all steps of |where it landed - where the teacher comes by|, a scalar.

        Args: as for `objective.StepLoss`; of the data nothing is used: the teacher makes its own.
        """
        states = self.states(noise)
        losses = [
            loss
            for count, places in self.leaps.items()
            for loss in self._leaps(predict, states, self.timesteps[count], places)
        ]
        return torch.stack(losses).mean()

    def states(self, noise: Tensor) -> list[Tensor]:
        """x_t of the teacher's chain from x_T = noise [B, C, H, W], and its picture, clipped."""
        unused = NoiseSource([0] * len(noise), self.device)
        *steps, last = sample(SOLVER, self.teacher, noise, self.chain, unused)
        # Cloned, since what was made in inference mode cannot be in a gradient's way.
        return [*(step.x_t.clone() for step in steps), last.x0_hat.clamp(-1, 1).clone()]

    def _leaps(
        self,
        predict: Predict,
        states: Sequence[Tensor],
        times: Sequence[float],
        places: Sequence[int],
    ) -> list[Tensor]:
        x_t, losses = states[0], []
        for t, s, place in zip(times, [*times[1:], -1], [*places[1:], -1], strict=True):
            output = predict(x_t, torch.full((len(x_t),), float(t), device=self.device)).float()
            x0 = self.schedule.x0_from_output(x_t, output, t, self.prediction_type)
            landed = self._towards(x0, x_t, t, s)
            error = (landed - states[place]).square()
            losses.append(((error + SOFTNESS**2).sqrt() - SOFTNESS).mean())
            # As the sampler goes on: with x0 clipped, and the noise that this leaves.
            x_t = self._towards(x0.detach().clamp(-1, 1), x_t, t, s)
        return losses

    def _towards(self, x0: Tensor, x_t: Tensor, t: float, s: float) -> Tensor:
        """DDIM's step from t to s, Song et al. 2020 (arXiv:2010.02502), eq. 12 with sigma 0."""
        abar_s = self.schedule.abar(s)
        return abar_s**0.5 * x0 + (1 - abar_s) ** 0.5 * self.schedule.eps_from_x0(x_t, x0, t)
