"""Pieces of the panes that are words in a table or in a row."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from ....texts import text

# sharp, covers all data, knows the likelihood, one evaluation
GENERATORS = {
    "gan": ("yes", "no", "no", "yes"),
    "vae": ("no", "yes", "partly", "yes"),
    "flow": ("partly", "yes", "yes", "yes"),
    "ar": ("yes", "yes", "yes", "no"),
    "diffusion": ("yes", "yes", "partly", "no"),
}
QUALITIES = ("sharp", "covers", "likelihood", "fast")


def generators_html(language: str) -> str:
    """The families of generators and what each can do."""

    def say(key: str) -> str:
        return html.escape(text(language, f"process.generators_{key}"))

    heads = "".join(f'<th scope="col">{say(key)}</th>' for key in ("name", *QUALITIES))
    rows = []
    for family, marks in GENERATORS.items():
        cells = "".join(f'<td class="mark-{mark}">{say(mark)}</td>' for mark in marks)
        rows.append(f'<tr><th scope="row">{say(family)}</th>{cells}</tr>')
    body = "".join(rows)
    return (
        f'<table class="story-table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
    )


def years_html(language: str, years: Sequence[str]) -> str:
    """A list of years; "2020b" is the second of 2020."""
    items = "".join(
        f"<li><b>{year[:4]}</b> {html.escape(text(language, f'process.year_{year}'))}</li>"
        for year in years
    )
    return f'<ol class="story-years">{items}</ol>'


def one_step_html(language: str, film: dict[str, Any], sheet: str) -> str:
    """Four estimates of a stored run, from pure noise down."""
    count = len(film["t"])
    chosen = [round(k * (count - 1) / 3) for k in range(4)]
    shots = []
    for k in chosen:
        caption = text(language, "process.one_step_at", t=film["t"][k] + 1)
        place = 100 * k / (count - 1)
        style = (
            f"background-image:url({sheet});background-size:{count * 100}% 100%;"
            f"background-position-x:{place}%"
        )
        shots.append(
            f'<figure class="story-figure"><div class="story-frame" role="img" '
            f'aria-label="{caption}" style="{style}"></div><figcaption>{caption}</figcaption>'
            "</figure>"
        )
    says = text(
        language, "process.one_step_says", checkpoint=film["checkpoint"], total=film["total"]
    )
    return (
        f'<div class="story-four">{"".join(shots)}</div><p class="numbers">{html.escape(says)}</p>'
    )
