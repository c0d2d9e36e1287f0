"""What a method is: a family, a setting of it, the tasks it can do, and a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cases import FACTOR, MASKS, SIGMAS_255, Case

DENOISE = tuple(f"denoise {sigma}" for sigma in SIGMAS_255)
BLIND = tuple(f"{task}, blind" for task in DENOISE)
INPAINT = tuple(f"inpaint {mask}" for mask in MASKS)
UPSCALE = (f"x{FACTOR}", f"x{FACTOR}, noise")


@dataclass(frozen=True)
class Method:
    """One way to restore.

    Args:
        family: what the table calls it; of several settings the best one is shown.
        setting: told apart within the family.
        tasks: which ones it can do.
        run: from a case and the prior (a `prior.Prior`, None when `uses_prior` is False) to grey
            levels [H, W, 3].
        uses_prior: a network is needed.
        extra: for the curve over steps alone.
    """

    family: str
    setting: str
    tasks: tuple[str, ...]
    run: Callable[[Case, Any], np.ndarray]
    uses_prior: bool = False
    extra: bool = False
