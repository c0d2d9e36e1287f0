"""All methods, in the order of the tables."""

from __future__ import annotations

from . import classical, deepinv_peers, ours, repaint
from .methods import Method

# RePaint as published: T = 250, jumps of 10, each 10 times; 2,410 evaluations. The other one
# costs a tenth.
REPAINT_PAPER, REPAINT_SHORT = (250, 10, 10), (50, 5, 5)
# Evaluations, weight of the guidance. 1000 as published.
DPS_PAPER, DPS_SHORT = ((1000, 50.0),), ((100, 50.0), (100, 150.0))


def all_methods(long: bool) -> list[Method]:
    """Every method; without `long` those that take a thousand evaluations and more are left out.

    They are families of their own, because they may be run on fewer pictures.
    """
    found = [
        *ours.methods(),
        *classical.methods(),
        *deepinv_peers.methods(),
        *deepinv_peers.dps_methods("DPS (deepinv)", DPS_SHORT),
        *repaint.methods("RePaint (diffusers), short", REPAINT_SHORT),
    ]
    if long:
        found += deepinv_peers.dps_methods("DPS (deepinv), as published", DPS_PAPER)
        found += repaint.methods("RePaint (diffusers), as published", REPAINT_PAPER)
    return found
