"""Recipes: what a user asked for, as frozen dataclasses that survive JSON.

Every door (page, command line, HTTP, Python) makes one of these and hands it to the pipeline;
every picture saved carries it; every door takes it back. One class a task, named by `task`.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ..core.noise import MAX_SEED
from ..errors import UserError

MAX_IMAGES = 256
MAX_STEPS = 10_000
MAX_SIZE_PX = 2048


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What all tasks share.

    Args:
        checkpoint: bundled or fine-tuned name, folder, or Hub id.
        seed: image i of the run uses seed + i.
    """

    task: ClassVar[str] = ""
    checkpoint: str
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.checkpoint:
            raise UserError("checkpoint_missing", "Choose a checkpoint first.", field="checkpoint")
        check_range("seed", self.seed, 0, MAX_SEED)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON values, with its task."""
        return {"task": self.task, **dataclasses.asdict(self)}

    def picture_name(self, index: int) -> str:
        """What the file of picture `index` is called, without its ending."""
        return f"seed-{self.seed + index}"

    def replace(self, **changes: object) -> Self:
        """A copy with some fields changed, validated again."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class GenerateRecipe(Recipe):
    """Pictures from noise.

    Args:
        num_images: 1 to 256.
        sampler: a key of `samplers.SAMPLERS`; None for the checkpoint's default.
        num_steps: 1 to T; None for the default of checkpoint and sampler.
        eta: 0 to 1, for "ddim" alone.
        spacing: one of `samplers.SPACINGS`; None for the sampler's own.
        size_px: side of the square picture; None for the checkpoint's native size.
    """

    task: ClassVar[str] = "generate"
    num_images: int = 16
    sampler: str | None = None
    num_steps: int | None = None
    eta: float = 0.0
    spacing: str | None = None
    size_px: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("num_images", self.num_images, 1, MAX_IMAGES)
        if self.num_steps is not None:
            check_range("num_steps", self.num_steps, 1, MAX_STEPS)
        if self.size_px is not None:
            check_range("size_px", self.size_px, 8, MAX_SIZE_PX)


RECIPES: dict[str, type[Recipe]] = {GenerateRecipe.task: GenerateRecipe}


def register(recipe_class: type[Recipe]) -> type[Recipe]:
    """Class decorator: make a task's recipe known to `recipe_from_dict`."""
    RECIPES[recipe_class.task] = recipe_class
    return recipe_class


def recipe_from_dict(values: dict[str, Any]) -> Recipe:
    """The recipe of a picture or a request; keys that no recipe has are left aside.

    Raises:
        UserError: not a recipe, an unknown task, a value of the wrong type or out of range.
    """
    recipe_class = RECIPES.get(values.get("task", "")) if isinstance(values, dict) else None
    if recipe_class is None:
        raise UserError(
            "recipe_invalid",
            "This is not a recipe that this version understands; set the controls by hand.",
        )
    hints = typing.get_type_hints(recipe_class)
    known = {}
    for field in dataclasses.fields(recipe_class):
        if field.name in values:
            known[field.name] = _checked(field.name, values[field.name], hints[field.name])
    if "checkpoint" not in known:
        known["checkpoint"] = ""
    return recipe_class(**known)


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise a `UserError` about the control `name` unless low <= value <= high."""
    wrong_type = isinstance(value, bool) or not isinstance(value, int | float)
    if wrong_type or not math.isfinite(value) or not low <= value <= high:
        raise UserError(
            "range",
            "{name} must be between {low} and {high}, not {value}.",
            field=name,
            name=name,
            low=low,
            high=high,
            value=value,
        )


def _checked(name: str, value: object, hint: object) -> object:
    """value as the type that the field's annotation asks for; whole floats count as ints."""
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for kind in allowed:
        origin = typing.get_origin(kind) or kind
        if origin is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if origin is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if origin is tuple and isinstance(value, list):
            return tuple(value)
        if isinstance(value, origin) and (origin is bool or not isinstance(value, bool)):
            return value
    raise UserError(
        "recipe_value",
        "The recipe's value for {name} is not one that this version understands.",
        field=name,
        name=name,
    )
