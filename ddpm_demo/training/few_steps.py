"""How a distilled checkpoint is sampled, for its card and for a run's sheets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.schedule import Schedule
from ..samplers.table import CONSISTENCY
from .config import TrainConfig
from .progressive import STUDENT, chain_of, read_leaps, student_timesteps


@dataclass(frozen=True)
class FewSteps:
    """How a distilled checkpoint is sampled, for its card.

    Args:
        sampler, num_steps: its defaults.
        timesteps: its own, by the numbers of steps it was made for; empty where the sampler's do.
    """

    sampler: str
    num_steps: int
    timesteps: dict[int, list[float]] = field(default_factory=dict)

    def front(self) -> Mapping[str, Any]:
        """Fields of a model card."""
        told: dict[str, Any] = {
            "default_sampler": self.sampler,
            "default_num_steps": self.num_steps,
        }
        if self.timesteps:
            told["made_for_steps"] = list(self.timesteps)
            told["learned_steps"] = {self.sampler: self.timesteps}
        return told


def few_steps(config: TrainConfig, schedule: Schedule) -> FewSteps:
    """How the result of a run that distils is sampled."""
    if config.objective != "progressive":
        return FewSteps(CONSISTENCY, 2)
    times = student_timesteps(schedule, *chain_and_leaps(config, schedule))
    return FewSteps(STUDENT, next((count for count in times if count > 1), 1), times)


def chain_and_leaps(
    config: TrainConfig, schedule: Schedule
) -> tuple[list[float], dict[int, tuple[int, ...]]]:
    """The teacher's timesteps, and the places in them that the network steps on.

    Raises:
        UserError: they do not fit one another or the schedule.
    """
    chain = chain_of(schedule, config.teacher_timesteps)
    return chain, read_leaps(config.leaps, len(chain))
