"""Run a sampler by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..core.step import Step
from .consistency import consistency
from .ddim import ddim
from .ddpm import ddpm
from .langevin import langevin
from .solvers import SOLVERS, solve
from .table import (
    LANGEVIN_STEP_SIZE,
    LANGEVIN_STEPS,
    check_eta,
    check_langevin,
    sampler_info,
)


def sample(
    name: str,
    denoiser: Denoiser,
    x_t: Tensor,
    timesteps: Sequence[float],
    noise: NoiseSource,
    *,
    eta: float = 0.0,
    variance: str = "fixed_small",
    langevin_steps: int | None = None,
    step_size: float | None = None,
) -> Iterator[Step]:
    """Run the sampler `name` from x_t at timesteps[0] down to the clean picture.

    Args:
        name: a key of `SAMPLERS`.
        denoiser: predicts x_0.
        x_t: [B, C, H, W].
        timesteps: descending, as `make_timesteps` gives them.
        noise: a source for B images.
        eta: for "ddim" alone, 0 to 1.
        variance: for "ddpm" alone, "fixed_small" or "fixed_large".
        langevin_steps: for "langevin" alone, updates at each of the timesteps; None for 5.
        step_size: for "langevin" alone, of an update in sigma^2; None for 1.

    Raises:
        UserError: unknown sampler, a knob out of range or given to a sampler that has none.
    """
    info = sampler_info(name)
    check_eta(info, eta)
    check_langevin(info, langevin_steps, step_size)
    if name in SOLVERS:
        return solve(name, denoiser, x_t, timesteps, noise)
    if name == "consistency":
        return consistency(denoiser, x_t, timesteps, noise)
    if name == "ddim":
        return ddim(denoiser, x_t, timesteps, noise, eta=eta)
    if name == "langevin":
        return langevin(
            denoiser,
            x_t,
            timesteps,
            noise,
            langevin_steps=langevin_steps or LANGEVIN_STEPS,
            step_size=step_size or LANGEVIN_STEP_SIZE,
        )
    return ddpm(denoiser, x_t, timesteps, noise, variance=variance)
