"""Quality against steps, as a plot: ours, and the others at the steps they were run with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .methods import INPAINT, UPSCALE
from .ours import FAMILIES
from .tables import Row, mean

MEASURES = {"psnr_db": "PSNR, dB (higher is better)", "feature_distance": "feature distance"}

TICKS = (5, 20, 100, 500)


def plot(rows: Sequence[Row], file: Path) -> None:
    """One column a task, one row a measure; evaluations on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    columns = [(kind, task) for kind in kinds for task in INPAINT + UPSCALE]
    shown = [c for c in columns if any((r["kind"], r["task"]) == c for r in rows)]
    figure, axes = pyplot.subplots(
        len(MEASURES), len(shown), figsize=(2.3 * len(shown), 5), squeeze=False, sharex=True
    )
    for x, (kind, task) in enumerate(shown):
        own = [row for row in rows if (row["kind"], row["task"]) == (kind, task)]
        families = [f for f in dict.fromkeys(r["family"] for r in own) if _has_steps(own, f)]
        for y, name in enumerate(MEASURES):
            for family in families:
                points = sorted(_points(own, family, name))
                style = "o-" if family in FAMILIES else "s:"
                axes[y][x].plot(*zip(*points, strict=True), style, label=family, markersize=3)
            axes[y][x].set_xscale("log")
            axes[y][x].set_xticks(TICKS, [str(tick) for tick in TICKS], fontsize=7)
            axes[y][x].minorticks_off()
            axes[y][x].grid(alpha=0.3)
            axes[y][0].set_ylabel(MEASURES[name])
        axes[0][x].set_title(f"{kind}: {task}", fontsize=9)
        axes[-1][x].set_xlabel("U-Net evaluations")
    axes[0][0].legend(fontsize=6)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=90)


def _has_steps(rows: Sequence[Row], family: str) -> bool:
    return any(row["family"] == family and row["evaluations"] for row in rows)


def _points(rows: Sequence[Row], family: str, name: str) -> list[tuple[float, float]]:
    """(evaluations, best value among the settings with that many)."""
    settings: dict[str, list[Row]] = {}
    for row in rows:
        if row["family"] == family:
            settings.setdefault(row["setting"], []).append(row)
    best: dict[float, float] = {}
    for own in settings.values():
        evaluations, value = round(mean(own, "evaluations")), mean(own, name)
        pick = max if name == "psnr_db" else min
        best[evaluations] = pick(best.get(evaluations, value), value)
    return list(best.items())
