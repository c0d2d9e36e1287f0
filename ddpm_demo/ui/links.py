"""A recipe in the page's address: "#denoise?checkpoint=photos&seed=42" opens the tab as it was."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from ..errors import UserError
from ..recipes.field import TaskField, fields_of
from ..recipes.recipe import Recipe
from ..tasks.registry import task_named

MAX_CHARS = 2000
_MOST_FIELDS = 64


def address_of(recipe: Recipe) -> str:
    """The part of an address after the page's own: the task, and its fields that are not as they
    are by default. Nothing else is in it, no picture and no path."""
    told = fields_of(type(recipe))
    values = {name: getattr(recipe, name) for name in told}
    changed = {
        name: _written(value) for name, value in values.items() if value != told[name].default
    }
    return f"#{quote(recipe.task)}?{urlencode(changed, quote_via=quote, safe='/@,:')}"


def recipe_in(address: object) -> Recipe:
    """The recipe that `address_of` has written, or somebody by hand.

    Raises:
        UserError: too long, damaged, no such task or field, or a value that cannot be.
    """
    if not isinstance(address, str):
        raise _damaged()
    if len(address) > MAX_CHARS:
        raise UserError(
            "link_long",
            "This link is too long for a recipe, which has at most {limit} characters.",
            limit=MAX_CHARS,
        )
    name, _, query = address.removeprefix("#").partition("?")
    task = task_named(name)
    told = fields_of(task)
    try:
        pairs = parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=_MOST_FIELDS,
            errors="strict",
        )
        values = {key: _read(told.get(key), value) for key, value in pairs}
    except (ValueError, RecursionError) as error:
        raise _damaged() from error
    if len(values) != len(pairs):
        raise _damaged()
    return task(**values)


def _written(value: Any) -> str:  # noqa: ANN401  any value of a field
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _read(told: TaskField | None, written: str) -> Any:  # noqa: ANN401  any JSON value
    if told is None or (written == "" and told.optional):
        return written  # a field that is none is said to be none
    is_text = told.kind == "text" or (told.kind == "choice" and written in told.choices)
    if is_text or (told.kind == "choice" and not written.lstrip("-").isdigit()):
        return written
    return json.loads(written)


def _damaged() -> UserError:
    return UserError(
        "link_damaged", "The recipe in this link is damaged; ask for the link once more."
    )
