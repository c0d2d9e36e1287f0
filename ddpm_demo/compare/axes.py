"""The axes of a sheet: a field of the task and the values that it goes through."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import UserError
from ..recipes.describe import plain
from ..recipes.field import TaskField, fields_of
from ..recipes.mistakes import shown, unknown_field
from ..recipes.recipe import Recipe
from ..texts import text
from ..texts.naming import choice_title, field_label

# What stands between two values; the last two are what a Chinese keyboard gives.
_BETWEEN = re.compile(r"[,;，、]")
_BY_ITSELF = ("auto", "automatic", "none")
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")

# What one would like to see side by side, where the field's bounds do not say.
_SUGGESTED: dict[str, tuple[Any, ...]] = {
    "add_noise_255": (10, 25, 50),
    "branch_at": (5, 10, 15),
    "eta": (0, 0.5, 1),
    "feather_px": (0, 4, 16),
    "guidance": (1, 1.5, 2, 3),
    "langevin_steps": (1, 3, 5),
    "num_images": (1, 4, 16),
    "num_steps": (5, 10, 20, 50),
    "perception": (0, 0.5, 1),
    "sampler": ("ddim", "dpmpp_2m", "heun", "euler_a"),
    "seed": (0, 1, 2, 3),
    "sigma_255": (None, 5, 15, 30),
    "size_px": (None, 32, 96),
    "spacing": ("trailing", "leading", "karras", "logsnr"),
    "time_travel": (0, 2, 5),
}
MOST_SUGGESTED = 4


@dataclass(frozen=True)
class Axis:
    """One side of a sheet.

    Args:
        field: of the task.
        values: that it goes through, at least one, each once; of the field's type, or what
            somebody has typed instead, which the recipe will refuse.
    """

    field: str
    values: tuple[Any, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"field": self.field, "values": list(self.values)}


def read_axis(task: type[Recipe], words: str, place: str = "x") -> Axis:
    """The axis that was typed as "num_steps=5,10,20".

    Args:
        task: whose field it is.
        words: field and values.
        place: "x" or "y", for the error.

    Raises:
        UserError: no such field, or no values.
    """
    name, equals, values = words.partition("=")
    if not equals or not name.strip():
        raise UserError(
            "compare_axis",
            "Say what is to be compared as a field and its values, such as num_steps=5,10,20, "
            "not as “{value}”.",
            field=place,
            value=shown(words),
        )
    return axis_of(task, name.strip().replace("-", "_"), values, place)


def axis_of(task: type[Recipe], name: str, values: str, place: str = "x") -> Axis:
    """The axis of a field with values as they were typed, commas between them.

    Raises:
        UserError: as for `read_axis`.
    """
    told = fields_of(task).get(name)
    if told is None:
        raise unknown_field(task.task, name)
    read = [read_value(told, one) for one in _BETWEEN.split(values) if one.strip()]
    return _axis(name, read, place)


def axis_from_dict(task: type[Recipe], saved: Any, place: str) -> Axis:  # noqa: ANN401  any JSON
    """The axis in a sheet's recipe.

    Raises:
        UserError: it is damaged, or of no field of the task.
    """
    name = saved.get("field") if isinstance(saved, dict) else None
    values = saved.get("values") if isinstance(saved, dict) else None
    if not isinstance(name, str) or not isinstance(values, list):
        raise UserError("recipe_damaged", "The recipe in this file is damaged.", field="recipe")
    if name not in fields_of(task):
        raise unknown_field(task.task, name)
    return _axis(name, [tuple(v) if isinstance(v, list) else v for v in values], place)


def _axis(name: str, values: Iterable[Any], place: str) -> Axis:
    found: dict[str, Any] = {}
    for value in values:
        is_whole = isinstance(value, float) and value.is_integer()
        found.setdefault(repr(int(value) if is_whole else value), value)
    if not found:
        raise UserError(
            "compare_values_missing",
            "Give values of {name} that are to be compared, with commas between them.",
            field=place,
            name=name,
        )
    return Axis(name, tuple(found.values()))


def read_value(told: TaskField, words: str) -> Any:  # noqa: ANN401  of the field's type
    """A field's value as it was typed; what is none stays text, which the recipe refuses in its
    own words. "auto" is None where the program can choose; items of a tuple have spaces between.
    """
    words = words.strip()
    if told.optional and words.lower() in ("", *_BY_ITSELF):
        return None
    if told.kind == "boolean":
        lower = words.lower()
        return True if lower in _YES else False if lower in _NO else words
    if told.kind == "integers":
        return tuple(_number(item) for item in words.split())
    if told.kind == "texts":
        return tuple(words.split())
    is_number = told.kind in ("integer", "number")
    if is_number or any(isinstance(choice, int) for choice in told.choices):
        return _number(words)
    return words


def _number(words: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(words)
        except ValueError:
            continue
    return words


def comparable(task: type[Recipe]) -> list[str]:
    """The fields that can be picked from a list: those of single values."""
    return [n for n, told in fields_of(task).items() if told.kind not in ("integers", "texts")]


def suggested(told: TaskField) -> tuple[Any, ...]:
    """Values of a field that one would like to see side by side; () for a checkpoint."""
    if told.name in _SUGGESTED:
        values = _SUGGESTED[told.name]
        return tuple(v for v in values if _is_within(told, v))
    if told.choices:
        return tuple(told.choices[:MOST_SUGGESTED])
    if told.kind == "boolean":
        return (False, True)
    if told.minimum is None or told.maximum is None:
        return ()
    low, high = told.minimum, told.maximum
    middle = told.default if isinstance(told.default, int | float) else (low + high) / 2
    values = dict.fromkeys((low, middle, high))
    return tuple(int(value) if told.kind == "integer" else value for value in values)


def _is_within(told: TaskField, value: Any) -> bool:  # noqa: ANN401  of the field's type
    if value is None:
        return told.optional
    if told.choices:
        return value in told.choices
    low = told.minimum is None or value >= told.minimum
    return low and (told.maximum is None or value <= told.maximum)


def typed(values: Iterable[Any]) -> str:
    """Values as one types them: "5, 10, 20", "auto, 2"."""
    return ", ".join(_typed(value) for value in values)


def _typed(value: Any) -> str:  # noqa: ANN401  any field's
    if value is None:
        return _BY_ITSELF[0]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return " ".join(str(item) for item in value)
    return plain(value) if isinstance(value, float) else str(value)


def value_words(task: str, told: TaskField, value: Any, language: str) -> str:  # noqa: ANN401
    """A value of a field as a caption says it."""
    if value is None:
        return text(language, "common.automatic")
    if told.kind == "choice":
        return choice_title(task, told.name, value, language)
    if isinstance(value, bool):
        return text(language, "compare.yes" if value else "compare.no")
    return _typed(value)


def label(task: str, name: str, language: str) -> str:
    """What an axis is called in a caption."""
    return field_label(task, name, language)
