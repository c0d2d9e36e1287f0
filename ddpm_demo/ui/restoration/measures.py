"""The numbers of a result in words, and what of a restoration stands on the stage."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from ...texts import LANGUAGES, has_text, text
from ..sessions import RunRecord
from ..stage_view import SHEET, Captions, Shown, in_all


def shown_of(record: RunRecord) -> Shown:
    """A run's results; beside those of a restoration what went in, mean and uncertainty.

    What went in is compared with the result; all else are layers.
    """
    names = record.job.recipe.beside
    pictures = {name: record.extras[name] for name in names if name in record.extras}
    before = pictures.pop("observed", None)
    return Shown(
        samples=record.images,
        captions=[sample_captions(record, index) for index in range(len(record.images))],
        before=before,
        layers={name: (captions(record, name), [p]) for name, p in pictures.items()},
        layer="" if names else SHEET,
    )


def sample_captions(record: RunRecord, index: int) -> Captions:
    """Which of the results it is, and its seed, or of which seeds it is mixed."""
    made, place = record.metadata[index], {"index": index + 1, "total": len(record.images)}
    if made.get("mix"):
        seeds = ", ".join(part.partition(":")[0] for part in made["mix"])
        return in_all("common.sample_mix", seeds=seeds, **place)
    seed = made.get("seed", record.job.recipe.seed) + made.get("image_index", index)
    return in_all("common.sample", seed=seed, **place)


def captions(record: RunRecord, name: str) -> Captions:
    """What a picture beside the result is, in every language."""
    return {language: caption(record, name, language) for language in LANGUAGES}


def caption(record: RunRecord, name: str, language: str) -> str:
    """What a picture beside the result is."""
    if name != "uncertainty":
        key = f"restoration.{name}"
        return text(language, key) if has_text(key) else name
    levels = f"{record.extras['uncertainty_255']:.0f}"
    return text(language, "restoration.uncertainty", levels=levels)


def measured(record: RunRecord, index: int) -> Mapping[str, Any]:
    """The metrics of result `index`; empty before the end of a run."""
    if index >= len(record.metadata):
        return {}
    return record.metadata[index].get("metrics", {})


def measures_html(record: RunRecord, index: int, language: str) -> str:
    """The numbers of result `index` as a list, those that it has, and the checkpoint that made it
    where that is not the one above the tabs."""
    words = measure_words(measured(record, index), language)
    recipe = record.job.recipe
    if record.images and any(told.required for told in type(recipe).inputs):
        words.append((text(language, "fields.checkpoint"), recipe.checkpoint))
    items = "".join(
        f"<div><dt>{html.escape(label)}</dt><dd>{html.escape(said)}</dd></div>"
        for label, said in words
    )
    return f'<dl class="measures-list">{items}</dl>' if items else ""


def measure_words(metrics: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """(what is measured, how much of it) for each of the metrics that are there."""
    words = []
    if "sigma_255" in metrics:
        kind = "sigma_estimated" if metrics.get("sigma_estimated") else "sigma_given"
        level = f"{metrics['sigma_255']:.1f}"
        words.append((text(language, f"restoration.{kind}"), level))
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
        words.append((text(language, f"restoration.{name}"), value))
    if "consistency_255" in metrics:
        levels = f"{metrics['consistency_255']:.2f}"
        words.append(
            (
                text(language, "restoration.consistency"),
                text(language, "restoration.levels", levels=levels),
            )
        )
    return words
