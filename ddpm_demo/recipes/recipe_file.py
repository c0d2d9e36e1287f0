"""Recipes in files: a picture made here, or the JSON that is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from ..errors import UserError

MAX_BYTES = 64 * 1024


def read_recipe_file(path: Path) -> dict[str, Any]:
    """What a file says of the run that made it; `tasks.registry.recipe_from_dict` checks it.

    Raises:
        UserError: no such file, neither a picture with a recipe nor JSON, too large or damaged.
    """
    from ..pictures.png_recipe import read_recipe

    try:
        if not path.is_file():
            raise UserError(
                "recipe_file_missing",
                "There is no recipe file “{path}”.",
                field="recipe",
                path=str(path),
            )
        with path.open("rb") as file:
            head = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(
            "recipe_file_unreadable",
            "The recipe file “{path}” cannot be read: {reason}.",
            field="recipe",
            path=str(path),
            reason=error.strerror or type(error).__name__,
        ) from error
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return read_recipe(path)
    if len(head) > MAX_BYTES:
        raise UserError(
            "recipe_file_large",
            "This file is too large for a recipe, which has at most {limit} KiB.",
            field="recipe",
            limit=MAX_BYTES // 1024,
        )
    return parse_recipe(head.decode("utf-8-sig", "replace"))


def parse_recipe(text: str) -> dict[str, Any]:
    """The values in the JSON of a recipe.

    Raises:
        UserError: no JSON object, nested beyond reason, or with a number that is none.
    """
    try:
        values = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise UserError("recipe_damaged", "The recipe in this file is damaged.", field="recipe")
    return values


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
