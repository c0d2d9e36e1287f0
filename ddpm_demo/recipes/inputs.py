"""The pictures that a task takes, told once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A picture that goes with a recipe.

    Args:
        name: at every door; its texts are `fields.<name>` and `fields.<name>_help`.
        required: whether the task needs it.
        several: whether it is a list of pictures.
        is_mask: white says what is to be filled; an option of the command line.
    """

    name: str
    required: bool = True
    several: bool = False
    is_mask: bool = False


@dataclass(frozen=True)
class Alias:
    """A shorter way that the page and HTTP have for a part of a field or of an input.

    Args:
        name: at these doors.
        kind: "picture" or "integer"; nothing given is None.
        of: the field or input it stands for.
    """

    name: str
    kind: str
    of: str
