"""What was measured of a result, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import has_text, text


def measure_words(
    metrics: Mapping[str, Any], language: str, task: str = ""
) -> list[tuple[str, str]]:
    """(what is measured, how much of it) for each of the metrics that are there; a task may call
    them by words of its own."""
    words = []
    if "sigma_255" in metrics:
        kind = "sigma_estimated" if metrics.get("sigma_estimated") else "sigma_given"
        level = f"{metrics['sigma_255']:.1f}"
        words.append((text(language, f"restoration.{kind}"), level))
    if "noise_kind" in metrics:
        said = text(language, f"restoration.noise_{metrics['noise_kind']}")
        words.append((text(language, "restoration.noise_kind"), said))
    for name, form, unit in (("psnr", "{:.1f}", "restoration.decibels"), ("ssim", "{:.3f}", "")):
        if name not in metrics:
            continue
        value = form.format(metrics[name])
        value = text(language, unit, value=value) if unit else value
        if f"baseline_{name}" in metrics:
            other = form.format(metrics[f"baseline_{name}"])
            other = text(language, unit, value=other) if unit else other
            key = f"restoration.baseline_{metrics['baseline']}"
            value = text(language, key, value=value, other=other)
        own = f"{task}.{name}"
        words.append((text(language, own if has_text(own) else f"restoration.{name}"), value))
    if "consistency_255" in metrics:
        levels = f"{metrics['consistency_255']:.2f}"
        words.append(
            (
                text(language, "restoration.consistency"),
                text(language, "restoration.levels", levels=levels),
            )
        )
    return words
