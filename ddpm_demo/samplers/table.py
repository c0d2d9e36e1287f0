"""Which samplers and spacings there are: what the doors show before torch is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UserError

SPACINGS = ("trailing", "leading", "linspace", "logsnr", "karras")


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
        SamplerInfo("dpmpp_2m", "DPM-Solver++ 2M", False, False, 1, 20, "trailing"),
        SamplerInfo("unipc", "UniPC", False, False, 1, 20, "trailing"),
        SamplerInfo("deis", "DEIS", False, False, 1, 20, "trailing"),
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
