"""Places between seeds: weighted sums of seeds' noises that are standard noise again.

z = sum w_k z_k / |w| is N(0, I) where the z_k are and are independent, so that a place on a plane
between seeds is as likely a start as a seed is. `core.noise.MixedNoise` draws it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..errors import UserError, check_range
from .seeds import MAX_SEED

MAX_PARTS = 32
# (seed, its share), shares with squares that sum to 1.
Parts = tuple[tuple[int, float], ...]


def parse_part(words: str) -> tuple[int, float]:
    """(seed, weight) of "7:0.5", or of "7", whose weight is 1.

    Raises:
        UserError: anything else.
    """
    seed, colon, weight = words.partition(":")
    try:
        share = float(weight) if colon else 1.0
        known = seed.isascii() and seed.isdigit() and len(seed) <= 10 and math.isfinite(share)
    except ValueError:
        known = False
    if not known:
        raise UserError(
            "mix_part",
            "A part of a mixture is a seed and its weight such as 7:0.5, not “{value}”.",
            field="mix",
            value=words[:60],
        )
    check_range("mix", int(seed), 0, MAX_SEED)
    return int(seed), share


def part_words(seed: int, share: float) -> str:
    """The part in words that `parse_part` reads."""
    return f"{seed}:{share:.6g}"


def unit(parts: Iterable[tuple[int, float]]) -> Parts:
    """The same mixture with shares whose squares sum to 1: seeds named twice are one part, those
    of weight 0 none.

    Args:
        parts: (seed, weight); only the weights' proportions and signs count.

    Raises:
        UserError: nothing is left of it, or more than `MAX_PARTS` parts.
    """
    weights: dict[int, float] = {}
    for seed, weight in parts:
        weights[seed] = weights.get(seed, 0.0) + weight
    found = [(seed, weight) for seed, weight in weights.items() if weight]
    length = math.hypot(*(weight for _, weight in found))
    if not 0 < length < math.inf:
        raise UserError(
            "mix_weights", "Give a mixture weights that are not all of them 0.", field="mix"
        )
    if len(found) > MAX_PARTS:
        raise UserError(
            "mix_parts",
            "A mixture has at most {limit} seeds, not {count}.",
            field="mix",
            limit=MAX_PARTS,
            count=len(found),
        )
    return tuple((seed, weight / length) for seed, weight in found)


def varied(mix: Sequence[str], variation: float, seed: int) -> Parts:
    """sqrt(1 - v^2) z + v z_seed, z the mixture's noise: a picture like the mixture's.

    Args:
        mix: parts in words, at least one.
        variation: v in [0, 1]; 0 is the mixture itself, 1 the picture of `seed`.
        seed: of the fresh noise.

    Raises:
        UserError: as `parse_part` and `unit`.
    """
    parts = unit(parse_part(words) for words in mix)
    if not variation:
        return parts
    kept = math.sqrt(1 - variation**2)
    return unit([*((one, kept * share) for one, share in parts), (seed, variation)])
