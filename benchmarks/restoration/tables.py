"""Rows as Markdown: one table for each kind of picture and task, and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ddpm_demo.evaluation.report import markdown_table

from .ours import DEFAULT, FAITHFUL, FAMILIES, SHARP

Row = dict[str, Any]

HEADER = (
    "method",
    "setting",
    "PSNR dB",
    "SSIM",
    "feature distance",
    "U-Net evaluations",
    "CPU seconds",
    "peak MB",
    "pictures",
    "ours is better by",
)


def chosen(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of each family's best setting (by mean PSNR); ours has its default one only."""
    settings: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["family"] not in FAMILIES or row["setting"] == DEFAULT:
            settings.setdefault((row["family"], row["setting"]), []).append(row)
    # Settings are compared on the pictures that the family's fullest setting has.
    fullest = {
        family: max(len(own) for (f, _), own in settings.items() if f == family)
        for family in {f for f, _ in settings}
    }
    best: dict[str, list[Row]] = {}
    for (family, _), own in settings.items():
        if len(own) == fullest[family] and (
            family not in best or mean(own, "psnr_db") > mean(best[family], "psnr_db")
        ):
            best[family] = own
    return best


def mean(rows: Sequence[Row], name: str) -> float:
    values = [row[name] for row in rows if row[name] is not None]
    return float(np.mean(values)) if values else float("nan")


def margin(ours: Sequence[Row], theirs: Sequence[Row], name: str = "psnr_db") -> float:
    """Ours minus theirs, on the pictures that both have."""
    mine = {row["name"]: row[name] for row in ours}
    both = [mine[row["name"]] - row[name] for row in theirs if row["name"] in mine]
    return float(np.mean(both)) if both else float("nan")


def task_table(rows: Sequence[Row]) -> str:
    """The table of one kind of picture and task, best PSNR first."""
    best = chosen(rows)
    body = []
    for family, own in sorted(best.items(), key=lambda item: -mean(item[1], "psnr_db")):
        beaten = margin(best[FAITHFUL], own) if FAITHFUL in best else float("nan")
        body.append(
            [
                f"**{family}**" if family in FAMILIES else family,
                own[0]["setting"],
                f"{mean(own, 'psnr_db'):.2f}",
                f"{mean(own, 'ssim'):.3f}",
                f"{mean(own, 'feature_distance'):.3f}",
                f"{mean(own, 'evaluations'):.0f}" if mean(own, "evaluations") else "",
                f"{mean(own, 'cpu_seconds'):.2f}",
                f"{mean(own, 'megabytes'):.0f}",
                str(len(own)),
                "" if family in FAMILIES else f"{beaten:+.2f} dB",
            ]
        )
    return markdown_table(HEADER, body)


def summary(rows: Sequence[Row]) -> str:
    """One line a kind and task: ours against the best of the others, by PSNR and by features."""
    body = []
    for kind, task in dict.fromkeys((row["kind"], row["task"]) for row in rows):
        best = chosen([row for row in rows if (row["kind"], row["task"]) == (kind, task)])
        peers = {family: own for family, own in best.items() if family not in FAMILIES}
        if FAITHFUL not in best or not peers:
            continue
        first = min(peers, key=lambda family: margin(best[FAITHFUL], peers[family]))
        line = [kind, task, f"{mean(best[FAITHFUL], 'psnr_db'):.2f}", first]
        line.append(f"{margin(best[FAITHFUL], peers[first]):+.2f}")
        if SHARP in best:
            near = max(
                peers, key=lambda family: margin(best[SHARP], peers[family], "feature_distance")
            )
            distance = margin(best[SHARP], peers[near], "feature_distance")
            line += [f"{mean(best[SHARP], 'feature_distance'):.3f}", near, f"{distance:+.3f}"]
        else:
            line += [""] * 3
        body.append(line)
    header = (
        "pictures",
        "task",
        "faithful, dB",
        "best of the others",
        "ours better by, dB",
        "sharp, feature distance",
        "nearest of the others",
        "ours farther by",
    )
    return markdown_table(header, body)
