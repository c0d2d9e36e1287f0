"""What the live panel asks for, read with suspicion: anybody can send anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.mixture import MAX_PARTS, part_words
from ...errors import UserError
from ...tasks.generate import GenerateRecipe

# A sheet, and the corners of the plane beside it.
MAX_PICTURES = 24
MAX_CORNERS = 4
_MOST = 2**53

Place = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Asked:
    """Pictures to draw at once.

    Args:
        number: of the request, which the answer repeats.
        pictures: what stands on the stage, each (seed, weight) of a mixture.
        corners: pictures for the corners of the plane, beside those.
        chosen: which of the pictures the visitor looks at.
        layer: "sheet" for all of them side by side, "" for the chosen one.
    """

    number: int
    pictures: tuple[Place, ...]
    corners: tuple[Place, ...] = ()
    chosen: int = 0
    layer: str = ""


def read_asked(payload: Any) -> Asked:  # noqa: ANN401  any JSON
    """The value of the panel's message as a handler gets it.

    Raises:
        UserError: it makes no sense, or asks for too much.
    """
    told = payload if isinstance(payload, Mapping) else {}
    pictures, corners = told.get("pictures"), told.get("corners") or []
    number, chosen = told.get("number"), told.get("chosen") or 0
    known = _is_whole(number) and _is_whole(chosen) and isinstance(corners, list)
    if not known or not isinstance(pictures, list) or not pictures:
        raise _unusable()
    if len(pictures) > MAX_PICTURES or len(corners) > MAX_CORNERS:
        raise _unusable()
    return Asked(
        number=number,
        pictures=tuple(_place(one) for one in pictures),
        corners=tuple(_place(one) for one in corners),
        chosen=min(chosen, len(pictures) - 1),
        layer="sheet" if told.get("layer") == "sheet" and len(pictures) > 1 else "",
    )


def number_of(payload: Any) -> int:  # noqa: ANN401  any JSON
    """The number of a request, 0 where it has none."""
    number = payload.get("number") if isinstance(payload, Mapping) else None
    return number if _is_whole(number) else 0


def recipes_of(places: Sequence[Place], values: Mapping[str, Any]) -> list[GenerateRecipe]:
    """A recipe a picture: a seed's own where there is one seed alone, else a mix.

    Args:
        places: of the pictures.
        values: of the other fields.

    Raises:
        UserError: a value that cannot be.
    """
    recipes = []
    for place in places:
        told: dict[str, Any] = {"mix": tuple(part_words(*part) for part in place)}
        if len(place) == 1:
            told = {"seed": place[0][0]}
        recipes.append(GenerateRecipe(**{**values, "num_images": 1, **told}))
    return recipes


def _place(given: Any) -> Place:  # noqa: ANN401  any JSON
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_PARTS:
        raise _unusable()
    return tuple(_part(one) for one in given)


def _part(given: Any) -> tuple[int, float]:  # noqa: ANN401  any JSON
    if not isinstance(given, list) or len(given) != 2 or not _is_whole(given[0]):
        raise _unusable()
    weight = given[1]
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise _unusable()
    return given[0], float(weight)


def _is_whole(value: Any) -> bool:  # noqa: ANN401  any JSON
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


def _unusable() -> UserError:
    return UserError(
        "live_unusable",
        "This is not something that the live view draws; reload the page and try again.",
    )
