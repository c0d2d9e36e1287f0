"""Samplers: from noise to a picture, as a stream of `Step`.

`SAMPLERS` says what there is; `sample` runs one by name. A sampler sees a `Denoiser` and nothing
of the network: whatever stands behind `predict` (tiles, a restoration constraint, an exact
oracle) is sampled alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..denoiser import Denoiser
from ..errors import UserError
from ..noise import NoiseSource
from .ddim import ddim
from .ddpm import ddpm
from .solvers import SOLVERS, solve
from .step import Step
from .timesteps import SPACINGS, make_timesteps

__all__ = [
    "SAMPLERS",
    "SPACINGS",
    "SamplerInfo",
    "Step",
    "make_timesteps",
    "sample",
    "sampler_info",
]


@dataclass(frozen=True)
class SamplerInfo:
    """What the doors need to know of a sampler.

    Args:
        name: the name at every door.
        title: the name in the literature.
        stochastic: draws noise at every step, so that it needs more steps.
        uses_eta: takes `eta`.
        evaluations_per_step: U-Net evaluations a step.
        num_steps: a good number of steps.
        spacing: the timesteps that suit few steps, one of `SPACINGS`.
    """

    name: str
    title: str
    stochastic: bool
    uses_eta: bool
    evaluations_per_step: int
    num_steps: int
    spacing: str


SAMPLERS: dict[str, SamplerInfo] = {
    info.name: info
    for info in (
        SamplerInfo("dpmpp_2m", "DPM-Solver++ 2M", False, False, 1, 20, "karras"),
        SamplerInfo("unipc", "UniPC", False, False, 1, 20, "karras"),
        SamplerInfo("deis", "DEIS", False, False, 1, 20, "karras"),
        SamplerInfo("ddim", "DDIM", False, True, 1, 50, "trailing"),
        SamplerInfo("heun", "Heun", False, False, 2, 20, "karras"),
        SamplerInfo("dpmpp_2m_sde", "DPM-Solver++ 2M SDE", True, False, 1, 30, "trailing"),
        SamplerInfo("euler_a", "Euler ancestral", True, False, 1, 50, "trailing"),
        SamplerInfo("ddpm", "DDPM ancestral", True, False, 1, 250, "trailing"),
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


def sample(
    name: str,
    denoiser: Denoiser,
    x_t: Tensor,
    timesteps: Sequence[float],
    noise: NoiseSource,
    *,
    eta: float = 0.0,
    variance: str = "fixed_small",
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

    Raises:
        UserError: unknown sampler, eta out of range or given to a sampler that has none.
    """
    info = sampler_info(name)
    check_eta(info, eta)
    if name in SOLVERS:
        return solve(name, denoiser, x_t, timesteps, noise)
    if name == "ddim":
        return ddim(denoiser, x_t, timesteps, noise, eta=eta)
    return ddpm(denoiser, x_t, timesteps, noise, variance=variance)


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
