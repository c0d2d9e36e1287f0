"""Recipes: as JSON in a file, as the text of a picture, as a dictionary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from ddpm_demo.recipes.field import fields_of
from ddpm_demo.recipes.recipe_file import parse_recipe
from ddpm_demo.tasks.registry import recipe_from_dict, tasks
from ddpm_demo.texts.naming import sentence_of

from .tally import Tally, attack
from .values import odd, of_field


def fuzz(cases: int, seed: int = 0, seconds: float | None = None) -> Tally:
    """Recipes with odd fields, odd values, damaged text."""
    return attack("recipes", _cases(Random(seed), cases), seconds)


def _cases(random: Random, count: int) -> Iterator[tuple[object, Callable[[], object]]]:
    known = tasks()
    for _ in range(count):
        name = random.choice(list(known))
        values: dict[str, Any] = {"task": name, "checkpoint": "faces-64"}
        told = fields_of(known[name])
        for field in random.sample(list(told), k=random.randint(0, min(4, len(told)))):
            values[field] = of_field(random, told[field])
        if random.random() < 0.1:
            values[random.choice(["x", "", "\ud800", "self", "__class__", "task"])] = odd(random)
        yield values, lambda values=values: _read(values)
        damaged = _damaged(random, values)
        yield damaged, lambda text=damaged: _read(parse_recipe(text))


def _damaged(random: Random, values: dict[str, Any]) -> str:
    text = json.dumps(values, default=str)
    place = random.randrange(len(text))
    other = random.choice(
        ["", "{", "}", "[" * 5000, "1e999", "-", "NaN", "\x00", "\ud800", "9" * 400]
    )
    return text[:place] + other + text[place + random.randint(0, 3) :]


def _read(values: Any) -> None:  # noqa: ANN401  any value
    from ddpm_demo.errors import UserError

    try:
        recipe = recipe_from_dict(values)
    except UserError as error:
        for one in (error, *error.others):
            for language in ("en", "zh-CN"):
                assert len(sentence_of(one, language).encode()) < 4000
        raise
    written = json.dumps(recipe.to_dict(), allow_nan=False, ensure_ascii=False)
    written.encode()
    assert recipe_from_dict(json.loads(written)) == recipe
