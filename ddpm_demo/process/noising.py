"""How far a picture is noised; apart from the runs themselves, so that it costs no torch."""

from __future__ import annotations

from ..errors import UserError


def noising_steps(t: int | None, default: int, low: int, num_timesteps: int) -> int:
    """The number of noising steps that is asked for.

    Args:
        t: what is asked for; None for the default.
        default: what suits the task.
        low: 0 where a picture can be left as it is, else 1.
        num_timesteps: T.

    Raises:
        UserError: below `low` or beyond T.
    """
    chosen = default if t is None else t
    if not low <= chosen <= num_timesteps:
        raise UserError(
            "noising_steps_range",
            "The number of noising steps t must be between {low} and {high}, not {value}.",
            field="t",
            low=low,
            high=num_timesteps,
            value=chosen,
        )
    return chosen
