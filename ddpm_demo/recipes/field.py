"""Fields of recipes, each told once: type, default, bounds, step, unit, when it applies.

`field` declares one in a task's class; `fields_of` reads them for the doors, which add nothing:
options, endpoint parameters, controls, the reference page and the errors all come from here.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from ..checkpoints.library import CheckpointInfo

Kind = Literal["integer", "number", "boolean", "choice", "text", "integers", "texts"]
_DOORS = "doors"


@dataclass(frozen=True)
class TaskField:
    """A field as the doors see it.

    Args:
        name: at every door.
        kind: what its values are; "integers" and "texts" are tuples.
        default: None also where None says that the program chooses.
        minimum, maximum: bounds of a number, of each number of "integers"; None for none.
        step: of a slider; None for what suits the kind.
        unit: key of the unit in the texts ("units.<unit>"); "" for none.
        choices: the values of a "choice", else ().
        optional: whether None is a value.
        count: how many "integers" there are; 0 for any number of "texts".
        advanced: for "More settings" only.
        applies: (values by field) -> whether the field matters; None for always.
        suits: what is known of a checkpoint -> whether it can take any value but the default;
            None for each of them.
    """

    name: str
    kind: Kind
    default: Any
    minimum: float | None
    maximum: float | None
    step: float | None
    unit: str
    choices: tuple[str | int, ...]
    optional: bool
    count: int
    advanced: bool
    applies: Callable[[Mapping[str, Any]], bool] | None
    suits: Callable[[CheckpointInfo], bool] | None


def field(
    default: Any,  # noqa: ANN401  of the field's own type
    *,
    ge: float | None = None,
    le: float | None = None,
    step: float | None = None,
    unit: str = "",
    choices: Callable[[], tuple[str, ...]] | None = None,
    advanced: bool = False,
    applies: Callable[[Mapping[str, Any]], bool] | None = None,
    suits: Callable[[CheckpointInfo], bool] | None = None,
) -> Any:  # noqa: ANN401  what pydantic takes for a field
    """Declare a field of a recipe; its texts are `fields.<name>` and `fields.<name>_help`.

    Args:
        default: None where the program chooses when nothing is said.
        ge, le: bounds, of each item where the field is a tuple of numbers.
        step: of a slider.
        unit: key of the unit in `units`.
        choices: what a text can be, where `Literal` cannot say it.
        advanced: for "More settings" only.
        applies: (values by field) -> whether it matters.
        suits: what is known of a checkpoint -> whether it can take any value but the default.
    """
    doors = {"ge": ge, "le": le, "step": step, "unit": unit, "choices": choices}
    doors |= {"advanced": advanced, "applies": applies, "suits": suits}
    bounds = {} if isinstance(default, tuple) else {"ge": ge, "le": le}
    return Field(default, json_schema_extra={_DOORS: doors}, **bounds)


@lru_cache(maxsize=64)
def fields_of(recipe_class: type[BaseModel]) -> dict[str, TaskField]:
    """The fields of a recipe's class by name, in the order in which they are declared."""
    return {name: _read(name, info) for name, info in recipe_class.model_fields.items()}


def _read(name: str, info: FieldInfo) -> TaskField:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    doors: Any = extra[_DOORS]
    kinds = [info.annotation]
    if typing.get_origin(info.annotation) in (types.UnionType, typing.Union):
        kinds = list(typing.get_args(info.annotation))
    optional = type(None) in kinds
    (kind,) = (k for k in kinds if k is not type(None))
    choices = tuple(doors["choices"]()) if doors["choices"] else ()
    items, count = (), 0
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
    elif typing.get_origin(kind) is tuple:
        items = typing.get_args(kind)
        count = 0 if items[-1] is Ellipsis else len(items)
    return TaskField(
        name=name,
        kind=_kind(kind, choices, items),
        default=info.default,
        minimum=doors["ge"],
        maximum=doors["le"],
        step=doors["step"],
        unit=doors["unit"],
        choices=choices,
        optional=optional,
        count=count,
        advanced=doors["advanced"],
        applies=doors["applies"],
        suits=doors["suits"],
    )


def _kind(kind: Any, choices: tuple, items: tuple) -> Kind:  # noqa: ANN401  an annotation
    if choices:
        return "choice"
    if items:
        return "integers" if items[0] is int else "texts"
    return {bool: "boolean", int: "integer", float: "number", str: "text"}[kind]
