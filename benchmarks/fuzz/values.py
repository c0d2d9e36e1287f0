"""Values that nobody should send, and some that one may."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from ddpm_demo.recipes.field import TaskField

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3, 4.0, 0.5, -0.0, 1e-320, 1e308),
    *(2**31, 2**32, 2**53 + 1, 2**63, 2**64, 10**399, -(10**399)),
    *(math.nan, math.inf, -math.inf),
    *("", " ", "x", "1", "nan", "None", "\x00", "\ud800", "a\udfff", "a" * 70_000, "../..", "~"),
    *("{0}", "{checkpoint}", "%s", "<b>x</b>", "一只猫", "‮x", "faces-64@main", "a/b@c"),
    *([], [1], ["x"], [[1]], [None], [1.0, 2.0], [10**399], ["\ud800"], [1] * 5000, (1, 2)),
    *({}, {"a": 1}, {"": None}, {"path": None}, {"value": 1}, b"x"),
)


def odd(random: Random) -> Any:  # noqa: ANN401  any value
    """One of them, at times within another."""
    value = random.choice(ODD)
    if random.random() < 0.1:
        value = [value, random.choice(ODD)]
    if random.random() < 0.05:
        value = {"x": value}
    if random.random() < 0.01:
        for _ in range(900):
            value = [value]
    return value


def as_json(value: Any) -> Any:  # noqa: ANN401  any value
    """What of it can come over the wire."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, tuple):
        return list(value)
    return value


def of_field(random: Random, told: TaskField) -> Any:  # noqa: ANN401  any value
    """A value for a field: mostly one within or near its bounds, at times an odd one."""
    if random.random() < 0.3:
        return odd(random)
    if told.choices:
        return random.choice([*told.choices, str(told.choices[0]).upper()])
    if told.kind == "boolean":
        return random.random() < 0.5
    if told.kind in ("integer", "number", "integers"):
        low, high = told.minimum or 0, told.maximum if told.maximum is not None else 1000
        near = random.choice([low, high, low - 1, high + 1, random.uniform(low, high)])
        if told.kind == "number":
            return near
        near = int(near)
        return [near] * random.choice([told.count, told.count + 1]) if told.count else near
    if told.kind == "texts":
        return [random.choice(["image", "3", "x", ""]) for _ in range(random.randint(0, 4))]
    return random.choice([told.default if isinstance(told.default, str) else "", "tiny", "x"])
