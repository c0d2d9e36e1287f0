"""All methods, in the order of the tables."""

from __future__ import annotations

from . import classical, deepinv_peers, ours, repaint
from .methods import Method

# RePaint as published: T = 250, jumps of 10, each 10 times. The other one costs a tenth.
REPAINT_PAPER, REPAINT_SHORT = (250, 10, 10), (50, 5, 5)
# Evaluations, weight of the guidance. 1000 as published.
DPS_PAPER, DPS_SHORT = ((1000, 50.0),), ((100, 50.0), (100, 150.0))


def all_methods(quick: bool) -> list[Method]:
    """Every method; `quick` leaves out what takes a thousand evaluations and more."""
    return [
        *ours.methods(),
        *classical.methods(),
        *deepinv_peers.methods([*DPS_SHORT, *(() if quick else DPS_PAPER)]),
        *repaint.methods([REPAINT_SHORT, *(() if quick else (REPAINT_PAPER,))]),
    ]
