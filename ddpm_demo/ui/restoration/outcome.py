"""What a restoration found besides its pictures, taken along from the run to the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...restoration.run import RestorationRun

# Pictures beside the result, in the order in which they are shown.
PICTURES = ("observed", "original", "mean", "uncertainty")


def extras(run: RestorationRun) -> Mapping[str, Any]:
    """Those of `PICTURES` that the run has so far, as PIL pictures, and "uncertainty_255"."""
    mean = run.mean() if run.recipe.perception > 0 else None  # else it is the result itself
    found = {
        "observed": run.observed,
        "original": run.original,
        "mean": mean,
        "uncertainty": run.uncertainty(),
        "uncertainty_255": run.uncertainty_255,
    }
    return {name: value for name, value in found.items() if value is not None}
