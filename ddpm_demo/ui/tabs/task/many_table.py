"""The line and the table of the work on many pictures, in words and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from ....texts import text
from ....texts.durations import format_seconds
from ...many_runs import ManyRun

# Of the pictures that wait, so many are listed.
WAITING_SHOWN = 20
# The numbers of a row by what they are in the report, each with its column and its form; a column
# without any number is left out.
NUMBERS = {
    "sigma_255": ("sigma", "{:.1f}"),
    "psnr": ("psnr", "{:.1f} dB"),
    "seconds": ("seconds", "{:.1f}"),
}


def progress_text(run: ManyRun, language: str) -> str:
    """ "12 of 40 pictures, 31 % · 3 min 20 s left"."""
    state = run.state
    if state is None:
        return text(language, "common.status_waiting")
    percent = round(100 * state.share)
    parts = [
        text(
            language,
            "many.progress",
            done=state.num_done,
            total=state.num_pictures,
            percent=percent,
        )
    ]
    if state.num_done and state.share > 0:
        left = run.seconds / state.share - run.seconds
        words = format_seconds(language, left)
        parts.append(text(language, "common.status_left", seconds=words))
    return text(language, "common.status_join").join(parts)


def outcome_text(run: ManyRun, language: str) -> str:
    """ "38 of 40 pictures done · 2 failed · 12 min 3 s"."""
    if not run.rows:
        key = "failed" if run.phase == "failed" else "not_started"
        return text(language, f"common.status_{key}")
    failed = run.count("failed")
    key, done = "many.finished", run.count("done")
    if run.phase == "cancelled":
        key, done = "many.stopped", done + failed
    parts = [text(language, key, done=done, total=len(run.rows))]
    parts += [text(language, "many.failed", count=failed)] if failed else []
    parts.append(format_seconds(language, run.seconds))
    return text(language, "common.status_join").join(parts)


def table_html(run: ManyRun, language: str) -> str:
    """What became of each picture; of those that wait the first few."""
    if not run.rows:
        return ""
    numbers = [name for name in NUMBERS if any(row.get(name) is not None for row in run.rows)]
    columns = ["source", "state", *(NUMBERS[name][0] for name in numbers)]
    head = "".join(
        f'<th scope="col">{html.escape(text(language, f"many.column_{name}"))}</th>'
        for name in columns
    )
    over = [row for row in run.rows if row["status"] != "waiting"]
    waiting = [row for row in run.rows if row["status"] == "waiting"]
    shown = [*over, *waiting[:WAITING_SHOWN]]
    body = "".join(_row(row, numbers, language) for row in shown)
    more = len(waiting) - WAITING_SHOWN
    if more > 0:
        words = html.escape(text(language, "many.more", count=more))
        body += f'<tr><td colspan="{len(columns)}">{words}</td></tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(row: dict[str, Any], numbers: Sequence[str], language: str) -> str:
    status = row["status"]
    state = row["message"] if status == "failed" else text(language, f"many.state_{status}")
    cells = [row["source"], state or ""]
    for name in numbers:
        value = row.get(name)
        cells.append("" if value is None else NUMBERS[name][1].format(value))
    return (
        f'<tr class="{status}">' + "".join(f"<td>{html.escape(c)}</td>" for c in cells) + "</tr>"
    )
