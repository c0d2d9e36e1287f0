"""The Colourise tab: colours for a grey picture."""

from __future__ import annotations

from ...tasks.colourise import ColouriseRecipe
from ..context import Context
from .task.arrangement import Arrangement
from .task.tab import build_task

TAB = "colourise"
EXAMPLES = {
    "colourise.example_face": {"image": "face-1.png", "checkpoint": "faces-64"},
    "restoration.cat": {"image": "cat.png", "checkpoint": "photos"},
}


def build(ctx: Context) -> None:
    """Build the tab here."""
    build_task(ctx, Arrangement(ColouriseRecipe, EXAMPLES, own_picture={"checkpoint": ""}))
