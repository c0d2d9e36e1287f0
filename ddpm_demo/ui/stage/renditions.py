"""Pictures as the browser gets them: files in Gradio's cache, and one of the screen's size first.

A preview lives for a tenth of a second and is no file: it is small and travels in the value.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from .later import Later

# Edges of what is shown before anybody zooms in, of a preview, and of what needs no second file.
SCREEN_EDGE = 1600
PREVIEW_EDGE = 1024
ONE_FILE_PIXELS = SCREEN_EDGE * SCREEN_EDGE
# Up to here a preview is kept exact; above it nobody sees the loss in a tenth of a second.
EXACT_EDGE = 256

_STRIP_PX = 256
_PNG = {"format": "PNG", "compress_level": 1}
_JPEG = {"format": "JPEG", "quality": 88}
_WEBP = {"format": "WEBP", "quality": 88, "method": 0}  # for what is partly transparent

LATER = Later()

# What the page needs to know of a picture: {"width", "height", "full", "small", "data"}, and
# "sheet" where small pictures stand side by side, whose pixels are drawn hard.
Rendition = dict[str, Any]


def rendition(
    image: Image.Image,
    folder: str | Path,
    name: str = "picture.png",
    recipe: Mapping[str, Any] | None = None,
    *,
    at_once: bool = False,
) -> Rendition:
    """Files of `image` for the page: every pixel as PNG and, of a large one, a smaller JPEG.

    The PNG of a large one comes a little later (`LATER`): the page has the JPEG until then.

    Args:
        image: 8-bit, any size.
        folder: Gradio's cache, `Component.GRADIO_CACHE`.
        name: of the file, as it is saved from the browser.
        recipe: what the file says of how it was made.
        at_once: somebody reads the file itself: it is there when this returns.
    """
    shown: Rendition = {"width": image.width, "height": image.height}
    pixels = image.width * image.height
    content = partial(_encoded, image, _PNG)
    if recipe is not None:
        content = partial(_with_recipe, image, recipe)
    if pixels <= ONE_FILE_PIXELS or at_once:
        shown["full"] = _file(content(), folder, name)
    else:
        path = Path(folder) / _digest(image, recipe) / Path(name).name
        LATER.write(path, pixels, content)
        shown["full"] = _named(path)
    if pixels > ONE_FILE_PIXELS:
        reduced = _reduced(image, SCREEN_EDGE)
        options, ending = (_PNG, "png") if "A" in image.mode else (_JPEG, "jpg")
        shown["small"] = _file(_encoded(reduced, options), folder, f"screen.{ending}")
    return shown


def file_rendition(path: str | Path, width: int, height: int) -> Rendition:
    """A file that the page may have as it is: an upload or an animation in the cache.

    Args:
        path: of the file.
        width, height: as a browser shows it, in pixels.
    """
    return {"width": width, "height": height, "full": _named(Path(path))}


def moving_rendition(path: Path) -> Rendition:
    """An animation as a data address: it must be there for as long as a page is open."""
    with Image.open(path) as image:
        width, height, kind = image.width, image.height, (image.format or "").lower()
    data = base64.b64encode(path.read_bytes()).decode()
    return {"width": width, "height": height, "data": f"data:image/{kind};base64,{data}"}


def preview(image: Image.Image) -> Rendition:
    """A picture of a run that goes on, at most `PREVIEW_EDGE` large, as a data address."""
    small = _reduced(image, PREVIEW_EDGE)
    options = _PNG
    if max(small.size) > EXACT_EDGE:
        options = _WEBP if "A" in small.mode else _JPEG
    content = _encoded(small, options)
    kind = options["format"].lower()
    data = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return {"width": image.width, "height": image.height, "data": data}


def whole(image: Image.Image, recipe: Mapping[str, Any]) -> Rendition:
    """A small picture with its recipe as a data address: seen at once, and no file is left."""
    data = base64.b64encode(_with_recipe(image, recipe)).decode()
    address = f"data:image/png;base64,{data}"
    return {"width": image.width, "height": image.height, "data": address}


def _reduced(image: Image.Image, edge: int) -> Image.Image:
    scale = edge / max(image.size)
    if scale >= 1:
        return image
    size = tuple(max(1, round(side * scale)) for side in image.size)
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _encoded(image: Image.Image, options: dict[str, Any]) -> bytes:
    if options is _JPEG and image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def _with_recipe(image: Image.Image, recipe: Mapping[str, Any]) -> bytes:
    from ...pictures.png_recipe import png_bytes  # it brings torch along

    return png_bytes(image, recipe, compress_level=1)


def _digest(image: Image.Image, recipe: Mapping[str, Any] | None) -> str:
    """Of what the file will have in it, in strips: a large picture is not copied as a whole."""
    found = hashlib.blake2b(f"{image.mode} {image.size}".encode(), digest_size=32)
    found.update(json.dumps(recipe, sort_keys=True, default=str).encode())
    for top in range(0, image.height, _STRIP_PX):
        strip = image.crop((0, top, image.width, min(top + _STRIP_PX, image.height)))
        found.update(strip.tobytes())
    return found.hexdigest()


def _file(content: bytes, folder: str | Path, name: str) -> dict[str, Any]:
    home = Path(folder) / hashlib.sha256(content).hexdigest()
    home.mkdir(parents=True, exist_ok=True)
    path = home / Path(name).name
    path.write_bytes(content)
    return _named(path)


def _named(path: Path) -> dict[str, Any]:
    meta = {"_type": "gradio.FileData"}
    return {"path": str(path.resolve()), "orig_name": path.name, "meta": meta}
