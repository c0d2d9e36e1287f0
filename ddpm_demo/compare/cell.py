"""`Cell`: what one combination of settings has given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .sheet import Place

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Cell:
    """A cell that is over with.

    Args:
        place: (row, column).
        picture: all that the run has made, side by side; None where it failed.
        seconds: the run took, its checkpoint already loaded.
        evaluations: of the network, a picture each.
        metrics: of the run's first picture, "psnr" among them where there is an original.
        error: why it failed.
    """

    place: Place
    picture: Image.Image | None = None
    seconds: float = 0.0
    evaluations: int = 0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    error: UserError | None = None
