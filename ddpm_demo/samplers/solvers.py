"""One adapter for diffusers' fast solvers: DPM-Solver++ 2M, UniPC, DEIS, Heun, Euler ancestral.

The schedulers of diffusers keep state, so each run makes its own. They are given our betas (some
would silently fall back to others: `_use_default_values`), our timesteps with their sigmas in
float64 (each has rounding rules of its own), and v computed from the prediction: x_0 and eps
follow from v without cancellation at both ends of the schedule, and every one of these solvers
takes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.diffusers_parts import SCHEDULERS, import_part
from ..core.noise import NoiseSource
from ..core.schedule import Schedule
from ..core.step import Step

_LEAST_ABAR = 2.0**-24

# (its module in diffusers, class, options, works on x_t / sqrt(abar_t) instead of x_t)
SOLVERS: dict[str, tuple[str, str, dict[str, Any], bool]] = {
    "dpmpp_2m": (
        "scheduling_dpmsolver_multistep",
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++"},
        False,
    ),
    "dpmpp_2m_sde": (
        "scheduling_dpmsolver_multistep",
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++"},
        False,
    ),
    "unipc": (
        "scheduling_unipc_multistep",
        "UniPCMultistepScheduler",
        {"solver_order": 2},
        False,
    ),
    "deis": (
        "scheduling_deis_multistep",
        "DEISMultistepScheduler",
        {"solver_order": 3},
        False,
    ),
    "heun": ("scheduling_heun_discrete", "HeunDiscreteScheduler", {}, True),
    "euler_a": (
        "scheduling_euler_ancestral_discrete",
        "EulerAncestralDiscreteScheduler",
        {},
        True,
    ),
}


def make_solver(name: str, schedule: Schedule, timesteps: Sequence[float]) -> Any:  # noqa: ANN401
    """A fresh diffusers scheduler that visits exactly `timesteps` and then sigma = 0."""
    module, cls, options, _ = SOLVERS[name]
    scheduler = getattr(import_part(f"{SCHEDULERS}.{module}"), cls)(
        num_train_timesteps=schedule.num_timesteps,
        trained_betas=schedule.betas.tolist(),
        prediction_type="v_prediction",
        **options,
    )
    scheduler.set_timesteps(len(timesteps))
    sigmas = [_finite(schedule.sigma(t)) for t in timesteps]
    times = np.asarray(timesteps, dtype=np.float64)
    # DEIS works with log sigma and cannot end at 0; sigma at t = 0 is below half a grey level.
    last = min(schedule.sigma(0), sigmas[-1] / 2) if name == "deis" else 0.0
    if name == "heun":  # each inner sigma twice: a predictor and a corrector evaluation
        sigmas = [sigmas[0], *np.repeat(sigmas[1:], 2).tolist(), last]
        times = np.concatenate([times[:1], np.repeat(times[1:], 2)])
    else:
        sigmas = [*sigmas, last]
    scheduler.sigmas = torch.tensor(sigmas, dtype=torch.float64)
    scheduler.timesteps = torch.from_numpy(times)
    scheduler.set_begin_index(0)
    return scheduler


def _finite(sigma: float) -> float:
    """With zero terminal SNR sigma begins at infinity, where the solvers' differences are no
    numbers; diffusers begins at the same large one."""
    return sigma if math.isfinite(sigma) else (1 / _LEAST_ABAR) ** 0.5


@torch.inference_mode()
def solve(
    name: str,
    denoiser: Denoiser,
    x_t: Tensor,
    timesteps: Sequence[float],
    noise: NoiseSource,
) -> Iterator[Step]:
    """Run diffusers' solver `name` (a key of `SOLVERS`) from x_t at timesteps[0] to t = -1.

    Yields one `Step` a solver step; Heun evaluates the network twice in all but the last.
    """
    schedule, num_steps = denoiser.schedule, len(timesteps)
    scheduler = make_solver(name, schedule, timesteps)
    _, _, options, sigma_space = SOLVERS[name]
    extra: dict[str, Any] = {}
    if name == "euler_a":
        extra["generator"] = noise.generators
    begins = schedule.sigma(timesteps[0])
    abar = schedule.abar(timesteps[0]) if math.isfinite(begins) else _LEAST_ABAR
    sample = x_t / abar**0.5 if sigma_space else x_t
    evaluations, index = 0, 0
    for position, t in enumerate(scheduler.timesteps):
        t_float = float(t)
        x_t = scheduler.scale_model_input(sample, t)
        prediction = denoiser.predict(x_t, t_float)
        evaluations += 1
        if name != "heun" or position % 2 == 0:
            yield Step(index, num_steps, t_float, x_t, prediction.x0, evaluations)
            index += 1
        if "sde" in options.get("algorithm_type", ""):
            extra["variance_noise"] = noise.randn(x_t.shape[1:])
        v = schedule.v_from_x0_eps(prediction.x0, prediction.eps, t_float)
        sample = scheduler.step(v, t, sample, return_dict=False, **extra)[0]
    yield Step(num_steps, num_steps, -1, sample, sample, evaluations)
