"""The numbers of a result in words, and what of a restoration stands on the stage."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from ...texts import LANGUAGES, has_text, text
from ...texts.measures import measure_words
from ..components.header import title_of
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
    words = measure_words(measured(record, index), language, record.job.recipe.task)
    recipe = record.job.recipe
    if record.images and type(recipe).needs_picture():
        words.append((text(language, "fields.checkpoint"), title_of(recipe.checkpoint, language)))
    items = "".join(
        f"<div><dt>{html.escape(label)}</dt><dd>{html.escape(said)}</dd></div>"
        for label, said in words
    )
    return f'<dl class="measures-list">{items}</dl>' if items else ""
