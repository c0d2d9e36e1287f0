"""The ends of an interpolation in words: "image" for a picture, "seed:7" for a seed's noise."""

from __future__ import annotations

from ..core.seeds import MAX_SEED
from ..errors import UserError, check_range

IMAGE = "image"
SEED_PREFIX = "seed:"


def parse_end(end: str) -> int | None:
    """The seed of an end such as "seed:7", None for "image".

    Raises:
        UserError: neither of them.
    """
    if end == IMAGE:
        return None
    digits = end.removeprefix(SEED_PREFIX) if isinstance(end, str) else ""
    if end == digits or not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
        raise UserError(
            "interpolate_end",
            "An end must be a picture or a seed such as seed:7, not “{value}”.",
            field="ends",
            value=str(end)[:100],
        )
    check_range("seed", int(digits), 0, MAX_SEED)
    return int(digits)


def same_ends() -> UserError:
    return UserError(
        "interpolate_same",
        "All ends are the same picture, so that nothing lies between them; choose different ones.",
        field="ends",
    )
