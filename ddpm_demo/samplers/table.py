"""Which samplers and spacings there are: what the doors show before torch is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UserError

if TYPE_CHECKING:
    from ..checkpoints.library import CheckpointInfo

SPACINGS = ("trailing", "leading", "linspace", "logsnr", "karras", "geometric", "renoise")

CONSISTENCY, MAX_FEW_STEPS = "consistency", 8
# Of annealed Langevin dynamics: updates at each level of noise, and their size in sigma^2.
LANGEVIN_STEPS, MAX_LANGEVIN_STEPS = 5, 100
LANGEVIN_STEP_SIZE, MAX_LANGEVIN_STEP_SIZE = 1.0, 2.0


@dataclass(frozen=True)
class SamplerInfo:
    """What the doors need to know of a sampler.

    Args:
        name: the name at every door.
        title: the name in the literature.
        stochastic: draws noise at every step, so that it needs more steps.
        uses_eta: takes `eta`.
        evaluations_per_step: U-Net evaluations a step.
        num_steps: a good number of steps; of levels, where there are several steps a level.
        spacing: the timesteps that suit few steps, one of `SPACINGS`.
        uses_langevin: takes `langevin_steps` and `step_size`.
    """

    name: str
    title: str
    stochastic: bool
    uses_eta: bool
    evaluations_per_step: int
    num_steps: int
    spacing: str
    uses_langevin: bool = False


SAMPLERS: dict[str, SamplerInfo] = {
    info.name: info
    for info in (
        SamplerInfo("dpmpp_2m", "DPM-Solver++ 2M", False, False, 1, 20, "trailing"),
        SamplerInfo("unipc", "UniPC", False, False, 1, 20, "trailing"),
        SamplerInfo("deis", "DEIS", False, False, 1, 20, "trailing"),
        SamplerInfo("ddim", "DDIM", False, True, 1, 50, "trailing"),
        SamplerInfo("heun", "Heun", False, False, 2, 20, "karras"),
        SamplerInfo("dpmpp_2m_sde", "DPM-Solver++ 2M SDE", True, False, 1, 30, "trailing"),
        SamplerInfo("euler_a", "Euler ancestral", True, False, 1, 50, "trailing"),
        SamplerInfo("ddpm", "DDPM ancestral", True, False, 1, 250, "trailing"),
        SamplerInfo("langevin", "Annealed Langevin", True, False, 5, 100, "geometric", True),
        SamplerInfo(CONSISTENCY, "Consistency", True, False, 1, 2, "renoise"),
    )
}


def sampler_info(name: str) -> SamplerInfo:
    """The sampler of that name.

    Raises:
        UserError: there is none.
    """
    if name not in SAMPLERS:
        raise UserError(
            "sampler_unknown",
            "There is no sampler “{name}”; use one of {known}.",
            field="sampler",
            name=name,
            known=", ".join(SAMPLERS),
        )
    return SAMPLERS[name]


def few_steps_of(info: CheckpointInfo) -> tuple[int, ...]:
    """The numbers of steps of its default sampler that a checkpoint was made for, rising; empty
    for any number and sampler."""
    if info.default_sampler == CONSISTENCY:
        return tuple(range(1, MAX_FEW_STEPS + 1))
    return info.made_for_steps


def check_few_step(
    info: CheckpointInfo, sampler: str, num_steps: int, *, own_timesteps: bool = True
) -> None:
    """Refuse a few-step checkpoint what it was not made for.

    Args:
        info: of the checkpoint.
        sampler, num_steps: what is asked for.
        own_timesteps: whether its own timesteps are visited, without noise between them.

    Raises:
        UserError: another sampler, a number of steps that it does not know, other timesteps.
    """
    known = few_steps_of(info)
    if known and (sampler != info.default_sampler or num_steps not in known):
        raise UserError(
            "few_step_checkpoint",
            "This checkpoint is for {steps} steps of the sampler “{sampler}”; for another number "
            "of steps or another sampler choose the checkpoint it was made from.",
            field="sampler" if sampler != info.default_sampler else "num_steps",
            steps=_listed(known),
            sampler=info.default_sampler,
        )
    if info.made_for_steps and not own_timesteps:
        raise UserError(
            "few_step_timesteps",
            "This checkpoint knows a few timesteps alone; leave the spacing empty and eta at 0.",
            field="spacing",
        )


def check_task(info: CheckpointInfo, task: str) -> None:
    """Refuse a few-step checkpoint a task that asks for estimates at other noise levels.

    Args:
        info: of the checkpoint.
        task: its name.

    Raises:
        UserError: the checkpoint was made for a few evaluations.
    """
    known = few_steps_of(info)
    if known:
        raise UserError(
            "few_step_task",
            "This checkpoint makes pictures in {steps} steps, which is all that it can; for the "
            "task {task} choose the checkpoint it was made from.",
            field="checkpoint",
            steps=_listed(known),
            task=task,
        )


def _listed(numbers: Sequence[int]) -> str:
    """ "1-8" for all of them, else "2, 4"; the same in every language."""
    first, last = numbers[0], numbers[-1]
    if len(numbers) > 2 and last - first == len(numbers) - 1:
        return f"{first}-{last}"
    return ", ".join(map(str, numbers))


def uses_eta(values: Mapping[str, Any]) -> bool:
    """Whether eta matters with the sampler among the values of a recipe."""
    info = SAMPLERS.get(values.get("sampler") or "")
    return info is not None and info.uses_eta


def uses_langevin(values: Mapping[str, Any]) -> bool:
    """Whether the sampler among a recipe's values has updates at each level."""
    sampler = values.get("sampler")
    return sampler in SAMPLERS and SAMPLERS[sampler].uses_langevin


def check_eta(info: SamplerInfo, eta: float) -> None:
    """Raise a `UserError` unless `eta` suits the sampler."""
    if not 0 <= eta <= 1:
        raise UserError(
            "eta_range", "Eta must be between 0 and 1, not {value}.", field="eta", value=eta
        )
    if eta and not info.uses_eta:
        raise UserError(
            "eta_unused",
            "{title} has no eta; set eta to 0 or choose DDIM.",
            field="eta",
            title=info.title,
        )


def check_langevin(info: SamplerInfo, langevin_steps: int | None, step_size: float | None) -> None:
    """Raise a `UserError` unless the knobs of annealed Langevin dynamics suit the sampler.

    Args:
        info: of the sampler.
        langevin_steps: updates at each level, 1 to 100; None for the default.
        step_size: of an update in sigma^2, above 0 to 2; None for the default.
    """
    if not info.uses_langevin:
        for name, value in (("langevin_steps", langevin_steps), ("step_size", step_size)):
            if value is not None:
                raise UserError(
                    "langevin_unused",
                    "{title} has no {name}; leave it empty or choose annealed Langevin dynamics.",
                    field=name,
                    title=info.title,
                    name=name,
                )
        return
    if langevin_steps is not None and not 1 <= langevin_steps <= MAX_LANGEVIN_STEPS:
        raise UserError(
            "langevin_steps_range",
            "The updates at each level must be between {low} and {high}, not {value}.",
            field="langevin_steps",
            low=1,
            high=MAX_LANGEVIN_STEPS,
            value=langevin_steps,
        )
    if step_size is not None and not 0 < step_size <= MAX_LANGEVIN_STEP_SIZE:
        raise UserError(
            "step_size_range",
            "The step size must be above 0 and at most {high}, not {value}.",
            field="step_size",
            high=MAX_LANGEVIN_STEP_SIZE,
            value=step_size,
        )
