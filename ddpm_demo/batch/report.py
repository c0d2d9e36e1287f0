"""The report of a batch, as a table (CSV) and for machines (JSON)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..pictures.saving import write_whole
from ..version import __version__
from .journal import Entry, Journal
from .work import Batch, is_done

CSV_NAME, JSON_NAME = "batch-report.csv", "batch-report.json"
COLUMNS = (
    "source",
    "status",
    "files",
    "width",
    "height",
    "sigma_255",
    "seconds",
    "psnr",
    "ssim",
    "error",
    "message",
)


def rows(batch: Batch, known: Mapping[int, Entry] | None = None) -> list[dict[str, Any]]:
    """What there is to say of each picture, by the journal; `COLUMNS`, and all metrics.

    "status" is "done", "failed", or "waiting" for one that has not had its turn.

    Args:
        batch: the pictures.
        known: entries by index that were made just now. They hold whatever has become of their
            source since: an upload is written again when somebody uploads the same picture.
    """
    entries, settings, known = Journal(batch.folder).entries(), batch.settings, known or {}
    found = []
    for index, source in enumerate(batch.sources):
        entry = known.get(index)
        if entry is None:
            entry = entries.get((source.key, settings))
            if entry is not None and not (entry.error or is_done(entry, batch.folder)):
                entry = None
        found.append(_row(str(source.path), entry))
    return found


def _row(shown: str, entry: Entry | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"source": shown, "status": "waiting", "files": [], "metrics": {}}
    if entry is None:
        return row
    row |= {
        "status": "failed" if entry.error else "done",
        "files": list(entry.files),
        "seconds": entry.seconds,
        "metrics": entry.metrics,
        "error": entry.error or None,
        "message": entry.message or None,
    }
    if entry.width:
        row |= {"width": entry.width, "height": entry.height}
    for name in ("sigma_255", "psnr", "ssim"):
        row[name] = entry.metrics.get(name)
    return row


def count(found: list[dict[str, Any]], status: str) -> int:
    """How many pictures are so."""
    return sum(row["status"] == status for row in found)


def write(batch: Batch, found: list[dict[str, Any]]) -> list[Path]:
    """Write both files into the folder of the results; their paths.

    Raises:
        UserError: they cannot be written.
    """
    table, told = batch.folder / CSV_NAME, batch.folder / JSON_NAME
    write_whole(table, _csv(found))
    content = {
        "recipe": batch.recipe.to_dict(),
        "version": __version__,
        **{status: count(found, status) for status in ("done", "failed", "waiting")},
        "pictures": found,
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_whole(told, text.encode("utf-8", "replace"))
    return [table, told]


def _csv(found: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in found:
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    # With its mark, spreadsheets take the file for what it is.
    return text.getvalue().encode("utf-8-sig", "replace")


def _cell(value: object) -> object:
    if isinstance(value, list):
        value = "; ".join(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and value[:1] in tuple("=+-@\t\r"):
        return "'" + value  # a name is no formula
    return "" if value is None else value
