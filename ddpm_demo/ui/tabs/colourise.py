"""The Colourise tab: colours for a grey picture."""

from __future__ import annotations

from ...tasks.colourise import ColouriseRecipe
from .task.arrangement import Arrangement

EXAMPLES = {
    "colourise.example_face": {"image": "face-1.png", "checkpoint": "faces-64"},
    "restoration.cat": {"image": "cat.png", "checkpoint": "photos"},
}
ARRANGEMENT = Arrangement(ColouriseRecipe, EXAMPLES)
