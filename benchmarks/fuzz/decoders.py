"""Pictures: mutants of files of every format, through everything that reads pictures."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, PngImagePlugin

from ddpm_demo.pictures.images import load_image
from ddpm_demo.recipes.recipe_file import read_recipe_file

from .mutants import mutant
from .tally import Tally, attack

_SAVED = (
    *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
    *(("WEBP", mode) for mode in ("RGB", "RGBA")),
    *(("TIFF", mode) for mode in ("1", "L", "RGB", "RGBA", "CMYK", "F", "I;16", "LAB")),
    *(("BMP", "RGB"), ("BMP", "P"), ("GIF", "P"), ("GIF", "L")),
    *(("AVIF", "RGB"), ("PPM", "RGB"), ("TIFF LZW", "RGB"), ("TIFF JPEG", "RGB")),
)
MAX_PIXELS = 4_000_000  # smaller than a visitor's, so that no time goes into plain large pictures


def fuzz(cases: int, seed: int = 0, seconds: float | None = None) -> Tally:
    """Mutants decoded; every tenth is also read as a recipe."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        return attack("decoders", _cases(Random(seed), cases, Path(folder)), seconds)


def originals() -> list[bytes]:
    """Small files of every format that Pillow can write here, with metadata."""
    made = []
    random = np.random.default_rng(0)
    profile = b"\x00\x00\x02\x0c" + bytes(520)
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind, mode in _SAVED:
        size = (23, 17)
        pixels = random.integers(0, 256, (17, 23, 3), np.uint8)
        image = Image.fromarray(pixels)
        if mode in ("I;16", "F"):
            image = Image.fromarray(random.integers(0, 65535, size[::-1]).astype(np.uint16))
            image = image if mode == "I;16" else image.convert("I").convert("F")
        else:
            image = image.convert(mode)
        text = PngImagePlugin.PngInfo()
        text.add_text("ddpm_demo", '{"task": "generate", "checkpoint": "faces-64", "seed": 3}')
        text.add_itxt("note", "中文", zip=True)
        name, _, packed = kind.partition(" ")
        options: dict[str, object] = {"pnginfo": text} if name == "PNG" else {}
        if packed:
            options["compression"] = {"LZW": "tiff_lzw", "JPEG": "jpeg"}[packed]
        if name in ("PNG", "JPEG", "WEBP", "TIFF") and mode in ("RGB", "RGBA"):
            options |= {"icc_profile": profile, "exif": exif.tobytes()}
        if name in ("GIF", "WEBP") and mode != "RGBA":
            options |= {"save_all": True, "append_images": [image, image]}
        buffer = io.BytesIO()
        try:
            image.save(buffer, name, **options)
        except (KeyError, OSError, ValueError):  # not in this build of Pillow
            continue
        made.append(buffer.getvalue())
    assert len(made) > 20
    return made


def _cases(
    random: Random, count: int, folder: Path
) -> Iterator[tuple[object, Callable[[], object]]]:
    files = originals()
    path = folder / "mutant.png"
    for number in range(count):
        content = mutant(random, random.choice(files))
        if number % 10 == 0:
            path.write_bytes(content)
            yield content[:80], lambda: read_recipe_file(path)
        else:
            yield content[:80], lambda content=content: _decode(content)


def _decode(content: bytes) -> None:
    image = load_image(content, max_pixels=MAX_PIXELS)
    assert image.mode in ("L", "RGB", "RGBA"), image.mode
    image.load()
