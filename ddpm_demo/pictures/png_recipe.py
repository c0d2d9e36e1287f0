"""Recipes inside picture files: what made a picture travels with it, and every door takes it back.

PNG has it in a text chunk; the others in EXIF or XMP (`embedded`).
"""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import UserError
from . import embedded, heif, metadata
from .opening import DECODER_ERRORS, ImageSource, open_header, read_bytes

CHUNK = embedded.NAME
MAX_CHARS = 64 * 1024


def png_bytes(
    image: Image.Image, recipe: Mapping[str, Any] | None = None, compress_level: int = 6
) -> bytes:
    """The PNG file of a picture, with the recipe as JSON in the text chunk "ddpm_demo".

    `compress_level` goes from 0 to 9; 1 takes a quarter of the time of 6 for a photograph.
    """
    info = PngInfo()
    if recipe is not None:
        info.add_text(CHUNK, recipe_json(recipe))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=info, compress_level=compress_level)
    return buffer.getvalue()


def recipe_json(recipe: Mapping[str, Any]) -> str:
    """The recipe as it stands in files, in ASCII."""
    return json.dumps(recipe, sort_keys=True)


def save_png(image: Image.Image, path: Path, recipe: Mapping[str, Any] | None = None) -> Path:
    """Write `png_bytes` to a file and return its path."""
    path.write_bytes(png_bytes(image, recipe))
    return path


def read_recipe(source: ImageSource) -> dict[str, Any]:
    """The recipe in a picture, as it was saved; `tasks.registry.recipe_from_dict` checks it.

    Nothing is decoded.

    Args:
        source: path, the file's bytes, or an open binary file; PNG, JPEG, WebP, TIFF, AVIF, HEIC.

    Raises:
        UserError: not a picture, no recipe in it, or a damaged one.
    """
    try:
        text = _text(source)
    except UserError as error:
        if error.key != "image_unreadable":
            raise
        raise UserError(
            "recipe_not_png",
            "This file is not a picture; only pictures saved by this program carry a recipe.",
        ) from error
    if not isinstance(text, str):
        raise UserError(
            "recipe_absent",
            "This picture carries no recipe; only pictures saved by this program do.",
        )
    try:
        recipe = json.loads(text) if len(text) <= MAX_CHARS else None
    except (ValueError, RecursionError):
        recipe = None
    if not isinstance(recipe, dict):
        raise UserError("recipe_damaged", "The recipe in this file is damaged.")
    return recipe


def _text(source: ImageSource) -> str | None:
    head = source[:64] if isinstance(source, bytes) else _head(source)
    if heif.is_heif(head):
        return _of_heif(read_bytes(source))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = open_header(source)
        if image.format == "PNG":
            return image.info.get(CHUNK)  # of the chunks before the pixels
        xmp = image.info.get("xmp")
        return embedded.find(metadata.tags_of(image), metadata.bounded(xmp))


def _head(source: ImageSource) -> bytes:
    if isinstance(source, Path | str):
        if not os.path.isfile(source):  # a pipe would be waited for
            return b""
        try:
            with open(source, "rb") as file:
                return file.read(64)
        except OSError:
            return b""
    place = source.tell()
    head = source.read(64)
    source.seek(place)
    return head


def _of_heif(content: bytes) -> str | None:
    try:
        said = heif.plugin().open_heif(io.BytesIO(content)).info
    except DECODER_ERRORS as error:
        if isinstance(error, UserError):
            raise
        raise UserError("recipe_damaged", "The recipe in this file is damaged.") from error
    exif = Image.Exif()
    try:
        exif.load(said.get("exif") or b"")
    except Exception:  # noqa: BLE001  broken EXIF data raise almost anything
        exif = Image.Exif()
    return embedded.find(exif, metadata.bounded(said.get("xmp")))
