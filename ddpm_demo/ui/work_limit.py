"""How much one request may ask of the network: evaluations times pixels."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    from ..core.step import Step

VARIABLE = "DDPM_DEMO_MAX_WORK"
# Millions of pixels through the network: hours on two cores, and a quarter of one.
DEFAULT = 2000.0
DEFAULT_ON_SPACES = 200.0


def limit(environment: Mapping[str, str] | None = None) -> float:
    """Megapixel evaluations that one request may take; a number in DDPM_DEMO_MAX_WORK sets it."""
    values = os.environ if environment is None else environment
    try:
        wanted = float(values.get(VARIABLE, ""))
    except ValueError:
        wanted = math.nan
    if wanted > 0:
        return wanted
    return DEFAULT_ON_SPACES if values.get("SPACE_ID") else DEFAULT


def work_of(step: Step) -> float:
    """Megapixel evaluations of the whole run, as far as one of its steps tells."""
    batch, height, width = step.x_t.shape[0], *step.x_t.shape[-2:]
    evaluations = max(step.num_evaluations, step.num_steps)
    return batch * height * width * evaluations / 1e6


def check_work(step: Step) -> None:
    """Refuse to go on with a run that is too much.

    Raises:
        UserError: the run takes more than `limit()`.
    """
    check_megapixels(work_of(step))


def check_megapixels(work: float) -> None:
    """Refuse so many megapixels through the network.

    Raises:
        UserError: they are more than `limit()`.
    """
    if work > limit():
        raise UserError(
            "too_much_work",
            "This would take {work} megapixels through the network, and {limit} is the most for "
            "one request; ask for fewer steps, fewer pictures or a smaller one.",
            work=f"{work:,.0f}",
            limit=f"{limit():,.0f}",
        )


class Budget:
    """What one request of several runs has spent."""

    def __init__(self) -> None:
        self.spent = 0.0

    def spend(self, step: Step) -> None:
        """Count the run that begins with this step; to be called with every step.

        Raises:
            UserError: all together they take more than `limit()`.
        """
        if step.index == 0:
            self.spent += work_of(step)
        check_megapixels(self.spent)
