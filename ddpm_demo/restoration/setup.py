"""What a restoring task prepares for its run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from torch import Tensor

from .blend import Restoration
from .fit import Fit


@dataclass(frozen=True)
class Setup:
    """What a task prepares for a run.

    Args:
        steps: the chains, finished pictures at the end of them.
        fit: how the prior goes at the picture.
        observed: [1, C, H, W], what was seen, at the size of the result.
        original: [1, C, H, W] where it is known, else None.
        baseline: a name and [1, C, H, W]: what a cheap method makes of it.
        facts: metrics that are known before the run.
        check: metrics of one finished picture [1, C, H, W].
        is_grey: the results are grey though the network has colours.
        alpha: transparency of the results.
        shows_removed: whether what was seen less the result is a picture of interest.
        is_deep: the results have more than 8 bits.
    """

    steps: Restoration
    fit: Fit
    observed: Tensor
    original: Tensor | None = None
    baseline: tuple[str, Tensor] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    check: Callable[[Tensor], dict[str, Any]] = lambda picture: {}
    is_grey: bool = False
    alpha: Image.Image | None = None
    shows_removed: bool = False
    is_deep: bool = False
