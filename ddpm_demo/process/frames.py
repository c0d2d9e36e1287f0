"""The frames of an interpolation: where each lies between the ends, and which pictures of the run
are its samples. Costs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UserError


@dataclass(frozen=True)
class Frames:
    """A line between two ends, or a grid between four corners in reading order.

    Sample j of frame f is picture f * num_samples + j of the run.

    Args:
        num_ends: 2 or 4.
        num_between: in-betweens; of a grid along each side.
        num_samples: pictures of each frame.
    """

    num_ends: int
    num_between: int
    num_samples: int

    @property
    def is_grid(self) -> bool:
        return self.num_ends == 4

    @property
    def side(self) -> int:
        """Frames of the line, or of a side of the grid, the ends among them."""
        return self.num_between + 2

    @property
    def num_frames(self) -> int:
        return self.side**2 if self.is_grid else self.side

    @property
    def num_pictures(self) -> int:
        return self.num_frames * self.num_samples

    @property
    def ends(self) -> tuple[int, ...]:
        """Which frames are the ends, in their order."""
        first_row = (0, self.side - 1)
        if not self.is_grid:
            return first_row
        last_row = self.side * (self.side - 1)
        return (*first_row, *(last_row + frame for frame in first_row))

    @property
    def path(self) -> tuple[int, ...]:
        """The frames as an animation shows them; over a grid there and back, row by row."""
        if not self.is_grid:
            return tuple(range(self.side))
        rows = [range(self.side * row, self.side * (row + 1)) for row in range(self.side)]
        turned = [row[::-1] if k % 2 else row for k, row in enumerate(rows)]
        return tuple(frame for row in turned for frame in row)

    def along_path(self, images: Sequence[Any]) -> list[Any]:
        """The pictures of the animation: the first sample of each frame along the path.

        Raises:
            UserError: the run was stopped before there were in-betweens.
        """
        if len(images) < self.num_pictures:
            raise UserError(
                "interpolation_unfinished",
                "The run was stopped before there were in-betweens; run again.",
            )
        return [images[frame * self.num_samples] for frame in self.path]
