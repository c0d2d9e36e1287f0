"""Which timesteps a sampler visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..core.schedule import Schedule
from ..errors import UserError
from .table import SPACINGS, sampler_info

# Karras et al. 2022 (arXiv:2206.00364), table 1: above sigma 80 nothing of the picture is left,
# and a cosine schedule goes to 20,000, where solvers in sigma space would waste their first step.
KARRAS_SIGMA_MAX = 80.0
KARRAS_RHO = 7.0
# A consistency model's noise levels after the first: where pictures get their shapes and edges.
RENOISE_SIGMAS = (7.0, 0.28)


def make_timesteps(
    schedule: Schedule, num_steps: int, spacing: str = "trailing", t_start: float | None = None
) -> list[float]:
    """`num_steps` descending timesteps in [0, t_start]; the clean image (t = -1) follows the last.

    "trailing" and "leading" are those of Lin et al. 2023 (arXiv:2305.08891, table 2): trailing
    starts at the very end, which few steps need; leading ends at t = 0. "linspace" has both ends.
    "logsnr" is uniform in log sigma (Lu et al. 2022, arXiv:2206.00927) and "karras" in
    sigma^(1/7) (Karras et al. 2022, arXiv:2206.00364, eq. 5), both in fractional timesteps;
    "geometric" (Song & Ermon 2019, arXiv:1907.05600, section 4.3) is "logsnr" from sigma 80 down.
    "renoise" is for consistency models: sigma 80, then the middles of equal parts of log sigma
    between 7 and 0.28: 1.4 for two evaluations, 4.1, 1.4 and 0.48 for four.

    Args:
        schedule: gives T.
        num_steps: from 1 to t_start + 1.
        spacing: one of `SPACINGS`.
        t_start: where the chain starts, in [0, T - 1]; None for T - 1.

    Raises:
        UserError: too few or too many steps, unknown spacing, t_start out of range.
    """
    last = schedule.num_timesteps - 1
    t_start = last if t_start is None else t_start
    if not 0 <= t_start <= last:
        raise UserError(
            "t_range",
            "The timestep t must be between {low} and {high}, not {value}.",
            field="t",
            low=0,
            high=last,
            value=t_start,
        )
    length = t_start + 1
    if not 1 <= num_steps <= int(length):
        raise UserError(
            "num_steps_range",
            "The number of steps must be between {low} and {high}, not {value}.",
            field="num_steps",
            low=1,
            high=int(length),
            value=num_steps,
        )
    if spacing == "trailing":
        times = length - np.arange(num_steps) * (length / num_steps) - 1
    elif spacing == "leading":
        times = np.arange(num_steps)[::-1] * (length // num_steps)
    elif spacing == "linspace":
        times = np.linspace(t_start, 0, num_steps) if num_steps > 1 else np.array([t_start])
    elif spacing == "logsnr":
        ends = np.log([schedule.sigma(t_start), schedule.sigma(0)])
        times = [schedule.t_from_sigma(s) for s in np.exp(np.linspace(*ends, num_steps))]
        times = np.array([t_start, *times[1:]])
    elif spacing in ("karras", "geometric"):
        ends = np.array([min(schedule.sigma(t_start), KARRAS_SIGMA_MAX), schedule.sigma(0)])
        if spacing == "karras":
            sigmas = np.linspace(*ends ** (1 / KARRAS_RHO), num_steps) ** KARRAS_RHO
        else:
            sigmas = np.geomspace(*ends, num_steps)
        times = np.array([schedule.t_from_sigma(s) for s in sigmas])
    elif spacing == "renoise":
        sigma_max = min(schedule.sigma(t_start), KARRAS_SIGMA_MAX)
        ends = np.minimum(np.log(RENOISE_SIGMAS), np.log(sigma_max))
        parts = (np.arange(num_steps - 1) + 0.5) / max(1, num_steps - 1)
        sigmas = [sigma_max, *np.exp(ends[0] + parts * (ends[1] - ends[0]))]
        times = np.array([schedule.t_from_sigma(s) for s in sigmas])
    else:
        raise UserError(
            "spacing_unknown",
            "The spacing “{name}” is not known; use one of {known}.",
            field="spacing",
            name=spacing,
            known=", ".join(SPACINGS),
        )
    # Whole timesteps where the start is one: the network was trained on those, and diffusers'
    # spacings are matched exactly.
    if spacing not in ("logsnr", "karras", "geometric", "renoise") and float(t_start).is_integer():
        times = np.round(times)
    return [min(float(t), float(t_start)) for t in times]


def timesteps_for(
    schedule: Schedule,
    sampler: str,
    num_steps: int,
    spacing: str | None = None,
    learned: Mapping[str, Mapping[int, Sequence[float]]] | None = None,
) -> list[float]:
    """The timesteps of a run from pure noise.

    Args:
        schedule: gives T.
        sampler: a key of `SAMPLERS`.
        num_steps: how many.
        spacing: one of `SPACINGS`; None for the checkpoint's learned timesteps where it has such
            for this sampler and number of steps, and the sampler's own spacing where not.
        learned: those of the checkpoint, by sampler and number of steps.

    Raises:
        UserError: as for `make_timesteps`; unknown sampler.
    """
    own = (learned or {}).get(sampler, {}).get(num_steps)
    if spacing is None and own is not None and own[0] <= schedule.num_timesteps - 1:
        return [float(t) for t in own]
    return make_timesteps(schedule, num_steps, spacing or sampler_info(sampler).spacing)
