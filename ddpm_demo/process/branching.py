"""Where a run can branch; apart from the run itself, so that it costs no torch."""

from __future__ import annotations

from ..errors import UserError
from ..samplers.table import sampler_info


def check_branch(sampler: str, eta: float, branch_at: int, num_steps: int) -> None:
    """Raise a `UserError` unless a run can branch there."""
    info = sampler_info(sampler)
    if not info.stochastic and eta == 0:
        raise UserError(
            "branch_deterministic",
            "{title} draws no noise on the way, so that every branch would be the same; "
            "choose DDPM, or DDIM with an eta above 0.",
            field="sampler",
            title=info.title,
        )
    if not 0 <= branch_at < num_steps:
        raise UserError(
            "branch_range",
            "A run of {num_steps} steps can branch at step 0 to {high}, not {value}.",
            field="branch_at",
            num_steps=num_steps,
            high=num_steps - 1,
            value=branch_at,
        )
