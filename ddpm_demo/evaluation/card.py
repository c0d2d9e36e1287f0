"""Writes what was measured into a checkpoint's model card, between markers, and its samples."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..checkpoints.library import CheckpointInfo
from ..errors import UserError
from ..pictures.png_recipe import save_png
from ..tasks.generate import GenerateRecipe
from .samples import SHEET_IMAGES, contact_sheet

SHEET = "samples.png"
# Heading of each section that evaluations write; a section stays when another is written.
HEADINGS = {"quality": "Measured quality", "curve": "KID against steps"}


def write_measured(
    info: CheckpointInfo, report: str, section: str = "quality", sheet: bool = False
) -> Path:
    """Put `report` (Markdown) into the card, in place of the one of before; give the card's path.

    A card without the markers gets them under a heading of their own, before "Use" or at the end.

    Args:
        info: of a checkpoint in a folder, not of the Hub's cache.
        report: without a heading.
        section: a key of `HEADINGS`.
        sheet: the card shows `samples.png` as well, unless it does so already.

    Raises:
        UserError: the checkpoint is the Hub's, or the card cannot be written.
    """
    check_own(info)
    card = info.folder / "README.md"
    begin = f"<!-- measured {section}: begin, by `python -m ddpm_demo evaluate --card` -->"
    end = f"<!-- measured {section}: end -->"
    marked = re.compile(f"<!-- measured {section}: begin.*?{re.escape(end)}", re.DOTALL)
    try:
        text = card.read_text(encoding="utf-8") if card.exists() else ""
        outside = marked.sub("", text)
        if sheet and f"({SHEET})" not in outside:
            report += f"\n\nSeeds 0 to {SHEET_IMAGES - 1}, uncurated:\n\n![Seeds 0 to 63]({SHEET})"
        block = f"{begin}\n\n{report}\n\n{end}"
        if marked.search(text):
            text = marked.sub(lambda _: block, text, count=1)
        else:
            text = _insert(text, f"## {HEADINGS[section]}\n\n{block}\n")
        card.write_text(text, encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise _unwritable(card.name, error) from error
    return card


def write_sheet(info: CheckpointInfo, images: np.ndarray, recipe: GenerateRecipe) -> Path:
    """Write the contact sheet of uint8 [N, H, W, C] beside the card, with its recipe inside.

    Raises:
        UserError: the checkpoint is the Hub's, or the file cannot be written.
    """
    check_own(info)
    values = {
        **recipe.replace(num_images=min(len(images), SHEET_IMAGES)).to_dict(),
        "weight_hash": info.weight_hash,
    }
    try:
        return save_png(contact_sheet(images), info.folder / SHEET, values)
    except OSError as error:
        raise _unwritable(SHEET, error) from error


def check_own(info: CheckpointInfo) -> None:
    """Raise a `UserError` unless the checkpoint's folder is the user's to write to."""
    if info.source == "hub":
        raise UserError(
            "card_of_hub",
            "The model card of “{name}” is the Hub's; download the checkpoint into a folder of "
            "your own first.",
            field="checkpoint",
            name=info.name,
        )


def _insert(text: str, section: str) -> str:
    place = re.search(r"^## Use\b", text, re.MULTILINE)
    if place is None:
        return f"{text.rstrip()}\n\n{section}" if text.strip() else section
    return f"{text[: place.start()]}{section}\n{text[place.start() :]}"


def _unwritable(name: str, error: Exception) -> UserError:
    return UserError(
        "card_unwritable",
        "“{file}” of the checkpoint cannot be written: {reason}.",
        file=name,
        reason=getattr(error, "strerror", None) or type(error).__name__,
    )
