"""Recipes inside PNG files: what made a picture travels with it, and every door takes it back."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import UserError
from .opening import ImageSource, open_header

CHUNK = "ddpm_demo"
MAX_CHARS = 64 * 1024


def png_bytes(image: Image.Image, recipe: Mapping[str, Any] | None = None) -> bytes:
    """The PNG file of a picture, with the recipe as JSON in the text chunk "ddpm_demo"."""
    info = PngInfo()
    if recipe is not None:
        info.add_text(CHUNK, json.dumps(recipe, sort_keys=True))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def save_png(image: Image.Image, path: Path, recipe: Mapping[str, Any] | None = None) -> Path:
    """Write `png_bytes` to a file and return its path."""
    path.write_bytes(png_bytes(image, recipe))
    return path


def read_recipe(source: ImageSource) -> dict[str, Any]:
    """The recipe in a PNG file, as it was saved; `recipes.recipe_from_dict` checks its values.

    Args:
        source: path, the file's bytes, or an open binary file.

    Raises:
        UserError: not a PNG, no recipe in it, or a damaged one.
    """
    try:
        image = open_header(source, ("PNG",))
    except UserError as error:
        if error.key != "image_unreadable":
            raise
        raise UserError(
            "recipe_not_png",
            "This file is not a PNG picture; only PNG files saved by this program carry a recipe.",
        ) from error
    text = image.info.get(CHUNK)  # of the chunks before the pixels, so nothing is decoded
    if not isinstance(text, str):
        raise UserError(
            "recipe_absent",
            "This picture carries no recipe; only PNG files saved by this program do.",
        )
    try:
        recipe = json.loads(text) if len(text) <= MAX_CHARS else None
    except (ValueError, RecursionError):
        recipe = None
    if not isinstance(recipe, dict):
        raise UserError("recipe_damaged", "The recipe in this file is damaged.")
    return recipe
