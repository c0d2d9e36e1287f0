"""Pictures that a command was given one after the other, by the names of the task's inputs."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UserError
from ..recipes.recipe import Recipe


def by_place(task: type[Recipe], given: Sequence[str]) -> dict[str, str]:
    """{name of the input: picture}; masks have an option of their own.

    Raises:
        UserError: there are more than the task takes.
    """
    places = [told.name for told in task.inputs if not told.is_mask]
    if len(given) > len(places):
        raise UserError(
            "too_many_pictures",
            "The task {task} takes {wanted} pictures, not {given}.",
            field="inputs",
            task=task.task,
            wanted=len(places),
            given=len(given),
        )
    return dict(zip(places, given, strict=False))
