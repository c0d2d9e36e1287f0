"""Results into files: the format, depth, colours and metadata of the input, and the recipe.

A pixel that the run has left as it was comes from the file itself, to the last bit.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from ..errors import UserError, check_range
from . import deep, depth, embedded, heif, jpeg_scan, metadata, png_writer, profiles, tiff_writer
from . import xmp as xmp_packets
from .compression import Compression
from .photograph import Photograph, strips, to_8_bit, to_16_bit
from .png_recipe import CHUNK, recipe_json

# By the name that is asked for: (Pillow's name, ending).
FORMATS = {
    "png": ("PNG", ".png"),
    "jpeg": ("JPEG", ".jpg"),
    "jpg": ("JPEG", ".jpg"),
    "webp": ("WEBP", ".webp"),
    "tiff": ("TIFF", ".tif"),
    "tif": ("TIFF", ".tif"),
    "bmp": ("BMP", ".bmp"),
    "avif": ("AVIF", ".avif"),
    "heic": ("HEIF", ".heic"),
    "heif": ("HEIF", ".heic"),
}
QUALITY = {"JPEG": 95, "WEBP": 95, "AVIF": 90, "HEIF": 90}
_DEEP = ("PNG", "TIFF")
_WITH_DPI = ("PNG", "JPEG", "TIFF", "BMP")
_WITHOUT_PROFILE = ("BMP",)
_WITHOUT_ALPHA = ("JPEG", "BMP")
_JPEG_SEGMENT_BYTES = 65_000
_FULL_CHROMA = 90

Result = Image.Image | Tensor | np.ndarray


@dataclass(frozen=True)
class _Target:
    """Pixels as they will stand in the file.

    Args:
        samples: [H, W, C], of the file's type.
        profile: that they are in; None for sRGB without a tag.
        coded: as a JPEG had these very pixels; None where they are other ones.
    """

    samples: np.ndarray
    black: float
    white: float
    profile: bytes | None
    coded: Compression | None = None


def format_of(photograph: Photograph | None, asked: str | None = None) -> tuple[str, str]:
    """(Pillow's name, ending with its dot) of a result: as asked for, or that of the input.

    A GIF's results are PNG, since 256 colours would not hold them.

    Raises:
        UserError: no such format.
    """
    if asked:
        name = str(asked).lower().lstrip(".")
        if name not in FORMATS:
            raise UserError(
                "format_unknown",
                "Pictures cannot be written as “{format}”; use one of {known}.",
                field="format",
                format=asked,
                known=", ".join(FORMATS),
            )
        return FORMATS[name]
    own = photograph.file.format if photograph is not None else "PNG"
    return next((told for told in FORMATS.values() if told[0] == own), FORMATS["png"])


def write(
    result: Result,
    photograph: Photograph | None = None,
    recipe: Mapping[str, Any] | None = None,
    *,
    known: np.ndarray | None = None,
    format: str | None = None,
    quality: int | None = None,
    strip_metadata: bool = False,
) -> bytes:
    """The file of a result.

    Args:
        result: a picture that Pillow has, of which the deep pixels are taken that it knows, or
            values [C, H, W] in [-1, 1] in sRGB (C = 1 or 3).
        photograph: what it was made from; None for a picture made of nothing.
        recipe: goes into the file (BMP has no place for it).
        known: bool [H, W], pixels that are the input's; None for those that are equal to
            the input, in 8 bits where the result has no more. Only where the result has the
            input's size.
        format: one of `FORMATS`; None for the input's.
        quality: 1 to 100 of JPEG, WebP (100 is lossless), AVIF and HEIC; None for `QUALITY`.
        strip_metadata: no EXIF (places!) and no XMP; profile and dots per inch stay.

    Raises:
        UserError: no such format or quality, or a HEIC without its plug-in.
    """
    name, _ = format_of(photograph, format)
    if quality is not None:
        check_range("quality", quality, 1, 100)
    colour, alpha = _pixels(result, photograph)
    if photograph is not None and photograph.is_grey and _is_grey(colour):
        colour = np.ascontiguousarray(colour[..., 0])
    if photograph is None:
        photograph = Photograph(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8))
    if alpha is not None and name in _WITHOUT_ALPHA:
        colour, alpha = _over_white(colour, alpha), None
    is_deep = isinstance(result, Image.Image) and deep.deep_of(result) is not None
    # What is known by being equal, in the file's own samples, is there already.
    is_there = is_deep and photograph.is_deep and alpha is None
    is_there = is_there and photograph.own is photograph.colour
    if known is None and not is_there and _is_comparable(colour, photograph):
        known = _unchanged(colour, photograph, is_deep)
    target = _target(colour, alpha, photograph, name, known)
    exif = metadata.carried(
        None if strip_metadata else photograph.file.exif,
        (colour.shape[1], colour.shape[0]),
        photograph.file.dpi,
        with_dpi=name not in _WITH_DPI,
    )
    embedded.clean(exif)
    packet = xmp_packets.carried(None if strip_metadata else photograph.file.xmp)
    text = None if recipe is None else recipe_json(recipe)
    xmp = embedded.without(packet)
    if name == "JPEG" and xmp and len(xmp) + embedded.room(text) > _JPEG_SEGMENT_BYTES:
        xmp = None
    if text is not None and name != "PNG":
        xmp = embedded.put(text, exif, xmp)
    if name == "JPEG" and target.coded is not None and quality is None:
        kept = _jpeg_as_it_was(photograph, target.profile, exif, xmp)
        if kept is not None:
            return kept
    words = {} if strip_metadata else photograph.file.words
    return _encoded(target, name, quality, exif, xmp, text, photograph.file.dpi, words)


def _pixels(result: Result, photograph: Photograph | None) -> tuple[np.ndarray, np.ndarray | None]:
    """(uint16 [H, W] or [H, W, 3] in sRGB, alpha as uint16 [H, W] or None)."""
    if isinstance(result, Image.Image):
        if result.mode.startswith("I;16"):
            return np.asarray(result).astype(np.uint16), None
        pixels = deep.deep_of(result)
        is_grey = result.mode in ("L", "LA", "La", "1")
        alpha = None
        if result.has_transparency_data:
            result = result.convert("LA" if is_grey else "RGBA")
            alpha = _deep_alpha(np.asarray(result.getchannel("A")), photograph)
        if pixels is None:
            pixels = to_16_bit(np.asarray(result.convert("L" if is_grey else "RGB")))
        return pixels, alpha
    values = torch.as_tensor(result).detach().to("cpu", torch.float32)
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim != 3 or len(values) not in (1, 3):
        raise ValueError("a result is [1 or 3, H, W]")
    colour = np.empty((*values.shape[1:], len(values)), np.uint16)
    for rows in strips(values.shape[1]):
        part = (values[:, rows].double() + 1) * 32767.5
        part = part.nan_to_num(0).round().clamp(0, 65535)
        colour[rows] = part.permute(1, 2, 0).numpy()
    colour = colour[..., 0] if colour.shape[-1] == 1 else colour
    alpha = photograph.alpha if photograph is not None else None
    if alpha is None or alpha.shape != colour.shape[:2]:
        return colour, None
    return colour, to_16_bit(alpha)


def _deep_alpha(alpha: np.ndarray, photograph: Photograph | None) -> np.ndarray:
    """Transparency of 8 bits as uint16, the input's own wherever it is that, rounded."""
    own = None if photograph is None else photograph.alpha
    if own is None or own.dtype == np.uint8 or own.shape != alpha.shape:
        return to_16_bit(alpha)
    return np.where(alpha == to_8_bit(own), own, to_16_bit(alpha))


def _is_grey(colour: np.ndarray) -> bool:
    return colour.ndim == 3 and all(
        bool((colour[rows] == colour[rows, :, :1]).all()) for rows in strips(len(colour))
    )


def _over_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    cover = (alpha / np.float32(65535)).reshape(*alpha.shape, *(1,) * (colour.ndim - 2))
    return np.rint(colour * cover + 65535 * (1 - cover)).astype(np.uint16)


def _target(
    colour: np.ndarray,
    alpha: np.ndarray | None,
    photograph: Photograph,
    name: str,
    known: np.ndarray | None,
) -> _Target:
    same = known if _is_comparable(colour, photograph) else None
    if same is not None and alpha is not None and photograph.alpha is not None:
        same = same | ((alpha == 0) & (photograph.alpha == 0))  # colours that nobody sees
    own, profile = _own_colours(colour, photograph, name, same)
    black, white, dtype = _type_of(photograph, name)
    samples = _cast(own, black, white, dtype)
    if same is not None:
        samples = samples.copy() if samples is own else samples
        _restore(samples, same, photograph, profile == photograph.profile, (black, white))
    samples = samples.reshape(*samples.shape[:2], -1)
    if alpha is not None:
        top = 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)
        cover = _cast(alpha, 0.0, top, dtype)
        samples = np.concatenate([samples, cover[..., None]], -1)
    coded = None
    if same is not None and profile == photograph.profile and bool(same.all()):
        coded = photograph.coded
    return _Target(samples, black, white, profile, coded)


def _own_colours(
    colour: np.ndarray, photograph: Photograph, name: str, same: np.ndarray | None
) -> tuple[np.ndarray, bytes | None]:
    """(uint16 in the colours that the file will have, their profile); rows that are wholly the
    input's are left undone."""
    profile = photograph.profile
    if name in _WITHOUT_PROFILE or profile is None:
        return colour, None
    if not _suits(profile, colour):
        return colour, profiles.srgb_profile()
    if profiles.is_srgb(profile):
        return colour, profile
    rows = np.arange(len(colour)) if same is None else np.flatnonzero(~same.all(1))
    own = np.zeros_like(colour)
    try:
        if rows.size:
            part = slice(rows[0], rows[-1] + 1)
            own[part] = profiles.from_srgb(colour[part], profile)
    except ValueError:
        return colour, profiles.srgb_profile()
    return own, profile


def _type_of(photograph: Photograph, name: str) -> tuple[float, float, np.dtype]:
    """(black, white, type) of a result's samples: the input's where the format can have them."""
    own = photograph.own.dtype
    if own == np.uint8 or name not in _DEEP:
        return 0.0, 255.0, np.dtype(np.uint8)
    if own == np.uint16 or name == "TIFF":
        return photograph.black, photograph.white, own
    return 0.0, 65535.0, np.dtype(np.uint16)


def _suits(profile: bytes, colour: np.ndarray) -> bool:
    space = profiles.colour_space(profile)
    return space == "RGB" or (space == "GRAY" and colour.ndim == 2)


def _cast(values: np.ndarray, black: float, white: float, dtype: np.dtype) -> np.ndarray:
    if dtype == np.uint8:
        return to_8_bit(values)
    if dtype == np.uint16 and (black, white) == (0, 65535):
        return values
    return depth.unscaled(values, black, white, dtype)


def _is_comparable(colour: np.ndarray, photograph: Photograph) -> bool:
    return colour.shape[:2] == photograph.colour.shape[:2] and (
        colour.ndim == photograph.colour.ndim
    )


def _unchanged(colour: np.ndarray, photograph: Photograph, is_deep: bool) -> np.ndarray:
    """bool [H, W]: pixels that are the input's own, as they are or, where the result is not deep,
    rounded to 8 bits."""
    same = np.empty(colour.shape[:2], bool)
    for rows in strips(len(colour)):
        own = photograph.colour[rows]
        equal = colour[rows] == to_16_bit(own)
        if not is_deep:
            equal |= colour[rows] == to_16_bit(to_8_bit(own))
        same[rows] = equal if equal.ndim == 2 else equal.all(-1)
    return same


def _restore(
    samples: np.ndarray,
    same: np.ndarray,
    photograph: Photograph,
    is_own: bool,
    scale: tuple[float, float],
) -> None:
    """Put the file's own pixels where they are known, in the samples' type and colours."""
    source = photograph.own if is_own else photograph.colour
    as_it_is = is_own and source.dtype == samples.dtype
    as_it_is = as_it_is and (photograph.black, photograph.white) == scale
    for rows in strips(len(samples)):
        part = source[rows]
        if not as_it_is:
            if is_own and part.dtype != np.uint8:
                part = depth.scaled(part, depth.Range(photograph.black, photograph.white, 16))
            part = _cast(to_16_bit(part), *scale, samples.dtype)
        samples[rows][same[rows]] = part[same[rows]]


def _jpeg_as_it_was(
    photograph: Photograph, profile: bytes | None, exif: Image.Exif, xmp: bytes | None
) -> bytes | None:
    """The input's own coded pixels; None where they were turned on the way here, or a profile in
    the file has proved to be none."""
    file = photograph.file
    if file.jpeg is None or file.orientation != 1 or file.profile != profile:
        return None
    packed = metadata.within(exif, _packed(exif), _JPEG_SEGMENT_BYTES)
    return jpeg_scan.with_metadata(file.jpeg, packed, xmp)


def _packed(exif: Image.Exif) -> bytes | None:
    """EXIF data as they go into a file; None for none."""
    return exif.tobytes() if len(exif) or exif.get_ifd(metadata.EXIF_IFD) else None


def _encoded(
    target: _Target,
    name: str,
    quality: int | None,
    exif: Image.Exif,
    xmp: bytes | None,
    text: str | None,
    dpi: tuple[float, float] | None,
    words: Mapping[str, str],
) -> bytes:
    samples = target.samples
    if name == "TIFF":
        return tiff_writer.write(
            samples,
            black=target.black,
            white=target.white,
            exif=exif,
            profile=target.profile,
            xmp=xmp,
            dpi=dpi,
        )
    packed = _packed(exif)
    if samples.dtype != np.uint8:
        return png_writer.write_16_bit(samples, target.profile, packed, xmp, text, dpi, words)
    image = Image.fromarray(samples[..., 0] if samples.shape[-1] == 1 else samples)
    options: dict[str, Any] = {"icc_profile": target.profile, "exif": packed}
    if dpi:
        options["dpi"] = dpi
    file = io.BytesIO()
    if name == "PNG":
        info = PngInfo()
        for keyword, said in words.items():
            info.add_itxt(keyword, said)
        if text is not None:
            info.add_text(CHUNK, text)
        if xmp:
            info.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
        options["pnginfo"] = info
    elif xmp:
        options["xmp"] = xmp
    if name in QUALITY:
        options["quality"] = QUALITY[name] if quality is None else quality
    if name == "JPEG":
        options["subsampling"] = 0 if options["quality"] >= _FULL_CHROMA else 2
        if target.coded is not None and quality is None:
            # A picture that was left as it is loses nothing once more.
            del options["quality"]
            options["qtables"] = [list(table) for table in target.coded.tables[:2]]
            options["subsampling"] = target.coded.subsampling
        options["exif"] = metadata.within(exif, packed, _JPEG_SEGMENT_BYTES)
    if name == "WEBP" and quality == 100:
        options["lossless"] = True
    options = {key: value for key, value in options.items() if value is not None}
    if name == "HEIF":
        if image.mode == "LA":
            image = image.convert("RGBA")
        image.info.update({key: options[key] for key in ("icc_profile", "dpi") if key in options})
        heif.write(image, file, **{k: v for k, v in options.items() if k != "dpi"})
    else:
        image.save(file, format=name, **options)
    return file.getvalue()
