"""`Sheet`: what an X/Y sheet is made of, checked whole before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import UserError
from ..recipes.recipe import Recipe
from ..recipes.run import AXES
from ..tasks.registry import recipe_from_dict
from .axes import Axis, axis_from_dict

MAX_CELLS = 100

# (row, column) of a cell, from 0.
Place = tuple[int, int]


@dataclass(frozen=True)
class Sheet:
    """One task with settings that go through the values of one or two axes.

    Args:
        base: the recipe whose other settings hold for all cells.
        x: goes from left to right.
        y: goes from top to bottom; None for a single row.

    Raises:
        UserError: both axes are of the same field, there are too many cells, or a value that the
            recipe refuses.
    """

    base: Recipe
    x: Axis
    y: Axis | None = None

    def __post_init__(self) -> None:
        if self.y is not None and self.y.field == self.x.field:
            raise UserError(
                "compare_same_field",
                "Both axes are {name}; choose another field for one of them.",
                field="y",
                name=self.x.field,
            )
        if self.num_cells > MAX_CELLS:
            raise UserError(
                "compare_too_many",
                "This sheet would have {count} cells, and {limit} is the most; give fewer values.",
                field="x",
                count=self.num_cells,
                limit=MAX_CELLS,
            )
        _ = self.recipes  # made at once, for what they refuse

    @property
    def rows(self) -> int:
        return len(self.y.values) if self.y is not None else 1

    @property
    def columns(self) -> int:
        return len(self.x.values)

    @property
    def num_cells(self) -> int:
        return self.rows * self.columns

    @cached_property
    def recipes(self) -> dict[Place, Recipe]:
        """The recipe of each cell, in the order in which they are best made: cells of the same
        checkpoint one after the other."""
        return {place: self._recipe(*place) for place in self._places()}

    def _places(self) -> list[Place]:
        rows, columns = range(self.rows), range(self.columns)
        if self.x.field == "checkpoint":
            return [(row, column) for column in columns for row in rows]
        return [(row, column) for row in rows for column in columns]

    def _recipe(self, row: int, column: int) -> Recipe:
        changes = {self.x.field: self.x.values[column]}
        if self.y is not None:
            changes[self.y.field] = self.y.values[row]
        return self.base.replace(**changes)

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes by "x" and "y"."""
        return {"x": self.x, **({"y": self.y} if self.y is not None else {})}

    def to_dict(self) -> dict[str, Any]:
        """As JSON values: the recipe of `base`, which makes it a recipe of its task too, and the
        axes."""
        axes = {place: axis.to_dict() for place, axis in self.axes.items()}
        return {**self.base.to_dict(), AXES: axes}

    def values(self, place: Place) -> dict[str, Any]:
        """What the axes' fields are in a cell."""
        recipe = self.recipes[place].to_dict()
        return {axis.field: recipe[axis.field] for axis in self.axes.values()}


def sheet_from_dict(saved: Mapping[str, Any]) -> Sheet:
    """The sheet in the recipe of one.

    Raises:
        UserError: no recipe of a sheet, or one that is damaged or not of this version.
    """
    base = recipe_from_dict(saved)
    axes = saved.get(AXES)
    if axes is None:
        raise UserError(
            "compare_no_axes",
            "This recipe is of no sheet; say what is to be compared, such as num_steps=5,10,20.",
            field="x",
        )
    if not isinstance(axes, dict) or "x" not in axes:
        raise UserError("recipe_damaged", "The recipe in this file is damaged.", field="recipe")
    read = {place: axis_from_dict(type(base), axes[place], place) for place in axes.keys() & "xy"}
    if "sampler" in {axis.field for axis in read.values()}:  # each has timesteps of its own
        base = recipe_from_dict({**saved, "version": None})
    return Sheet(base, read["x"], read.get("y"))
