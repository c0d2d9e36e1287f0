"""Files of unknown origin into `Photograph`s: any format, any depth, any colours, upright."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageCms, JpegImagePlugin

from ..errors import UserError
from . import depth, heif, metadata, profiles, tiff
from .opening import (
    DECODER_ERRORS,
    FORMATS,
    MAX_PIXELS,
    ImageSource,
    check_size,
    open_header,
    read_bytes,
    too_large,
    unreadable,
)
from .photograph import FileFacts, Photograph, strips, to_16_bit

_SUBSAMPLING = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
_CODE_POINTS = "code points"  # of a PNG's cICP, which Pillow leaves out
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass
class _Raw:
    """Samples before their colours are seen to.

    Args:
        own: [H, W] or [H, W, 3], of the file's own type.
        alpha: [H, W], uint8 or uint16.
        profile: that `own` is in.
        converted: that `own` is sRGB already though the file has another kind of colour.
    """

    own: np.ndarray
    alpha: np.ndarray | None
    file: FileFacts
    profile: bytes | None = None
    range: depth.Range = depth.Range(0, 255, 8)
    notes: tuple[UserError, ...] = ()
    converted: bool = False


def read(
    source: ImageSource,
    *,
    frame: int = 0,
    max_pixels: int = MAX_PIXELS,
    formats: Sequence[str] = FORMATS,
) -> Photograph:
    """Decode a file of PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC.

    The size is read from the header and checked before any pixel is decoded.

    Args:
        source: path, the file's bytes, or an open binary file.
        frame: which frame of an animation, from 0.
        max_pixels: larger pictures are refused.
        formats: names of Pillow's decoders.

    Raises:
        UserError: no such file, no picture, damaged, too large, no such frame, or a HEIC without
            its plug-in.
    """
    content = read_bytes(source)
    try:
        if heif.is_heif(content):
            raw = _from_heif(content, max_pixels)
        else:
            raw = _from_pillow(content, frame, max_pixels, formats)
        return _coloured(raw)
    except EOFError as error:
        if not frame:
            raise unreadable() from error
        raise UserError(
            "image_frame_missing",
            "The picture has no frame {frame}.",
            field="image",
            frame=frame,
        ) from error
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise too_large(max_pixels) from error
    except DECODER_ERRORS as error:
        raise unreadable() from error


def _from_heif(content: bytes, max_pixels: int) -> _Raw:
    pixels, said = heif.read(content, max_pixels)
    num_colours = 3 if pixels.shape[-1] > 2 else 1
    has_alpha = pixels.shape[-1] in (2, 4)
    own = np.ascontiguousarray(pixels[..., :num_colours])
    facts = FileFacts(
        format="HEIF",
        mode=("RGB" if num_colours == 3 else "L") + ("A" if has_alpha else ""),
        bits=int(said.get("bit_depth") or 8),
        profile=said.get("icc_profile"),
        exif=metadata.bounded(said.get("exif")),
        xmp=metadata.bounded(said.get("xmp")),
        dpi=metadata.dpi_of(said, said.get("exif")),
        subsampling=":".join(str(said["chroma"])) if said.get("chroma") else None,
        frames=said["num_frames"],
    )
    return _Raw(
        own if num_colours == 3 else own[..., 0],
        np.ascontiguousarray(pixels[..., -1]) if has_alpha else None,
        facts,
        facts.profile or heif.profile_of(said),
        _whole_range(own.dtype),
        _frames_note(facts.frames),
    )


def _from_pillow(content: bytes, frame: int, max_pixels: int, formats: Sequence[str]) -> _Raw:
    if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        deep = tiff.read(content, frame, max_pixels)
        if deep is not None:
            return _from_deep_tiff(content, deep, frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow thinks of broken metadata
        image = open_header(content, formats, max_pixels)
        facts = _facts(image)
        if facts.format == "PNG" and (points := _chunk(content, b"cICP")):
            image.info[_CODE_POINTS] = points
        if frame:
            image.seek(frame)
            check_size(image.width, image.height, max_pixels)
        if facts.format == "PNG" and facts.bits == 16 and not frame:
            raw = _from_deep_png(content, image, facts)
        else:
            image.load()
            raw = _from_shallow(image, facts)
    notes = raw.notes if frame else raw.notes + _frames_note(facts.frames)
    turn = metadata.orientation(facts.exif, image)
    alpha = None if raw.alpha is None else metadata.turned(raw.alpha, turn)
    jpeg = content if facts.format == "JPEG" and not frame else None
    file = replace(raw.file, orientation=turn, jpeg=jpeg)
    own = metadata.turned(raw.own, turn)
    return replace(raw, own=own, alpha=alpha, file=file, notes=notes)


def _frames_note(frames: int) -> tuple[UserError, ...]:
    if frames < 2:
        return ()
    note = UserError(
        "note_first_frame",
        "The file holds {frames} pictures; the first is taken.",
        field="image",
        frames=frames,
    )
    return (note,)


def _facts(image: Image.Image) -> FileFacts:
    exif = metadata.exif_of(image)
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    facts = FileFacts(
        format="JPEG" if image.format == "MPO" else image.format or "",
        mode=image.mode,
        bits=16 if image.mode.startswith("I;16") else 8,
        profile=image.info.get("icc_profile") or None,
        exif=exif,
        xmp=metadata.bounded(xmp.encode() if isinstance(xmp, str) else xmp),
        dpi=metadata.dpi_of(image.info, exif),
        frames=int(getattr(image, "n_frames", 1)),
    )
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        facts = replace(
            facts,
            quantisation={key: list(table) for key, table in image.quantization.items()},
            subsampling=_SUBSAMPLING.get(JpegImagePlugin.get_sampling(image)),
            frames=1,  # of a phone's MPO the others are previews and depth
        )
    if image.format == "PNG":
        facts = replace(facts, words=metadata.words_of(image.info))
    return replace(facts, bits=16) if _is_deep_png(image) else facts


def _is_deep_png(image: Image.Image) -> bool:
    if image.format != "PNG" or not hasattr(image.fp, "seek"):
        return False
    place = image.fp.tell()
    image.fp.seek(24)
    bits = image.fp.read(1)
    image.fp.seek(place)
    return bits == b"\x10"


def _png_profile(image: Image.Image) -> tuple[bytes | None, tuple[UserError, ...]]:
    """The profile of what the file says by numbers; those of an ICC profile come first."""
    info = image.info
    if (points := info.get(_CODE_POINTS)) and not info.get("icc_profile"):
        try:
            return profiles.profile_of_code_points(*points[:2]), ()
        except (ValueError, TypeError):
            return None, (_profile_note(),)
    if image.format != "PNG" or info.get("icc_profile") or "srgb" in info:
        return None, ()
    try:
        return profiles.profile_of_numbers(info.get("gamma"), info.get("chromaticity")), ()
    except (ValueError, np.linalg.LinAlgError):
        return None, (_profile_note(),)


def _from_deep_png(content: bytes, image: Image.Image, facts: FileFacts) -> _Raw:
    import imagecodecs

    colour_type = content[25]
    if colour_type not in (0, 2, 4, 6):
        raise unreadable()
    check_size(image.width, image.height, MAX_PIXELS, 8)
    values = imagecodecs.png_decode(content)
    if values.dtype != np.uint16 or values.shape[:2] != (image.height, image.width):
        raise unreadable()
    values = values[..., None] if values.ndim == 2 else values
    num_colours = 3 if colour_type & 2 else 1
    own = np.ascontiguousarray(values[..., :num_colours])
    alpha = np.ascontiguousarray(values[..., -1]) if values.shape[-1] in (2, 4) else None
    if alpha is None and (key := _chunk(content, b"tRNS")) and len(key) >= 2 * num_colours:
        clear = np.array(struct.unpack(f">{num_colours}H", key[: 2 * num_colours]), np.uint16)
        alpha = np.where((own == clear).all(-1), 0, 65535).astype(np.uint16)
    own = own if num_colours == 3 else own[..., 0]
    numbers, notes = _png_profile(image)
    found = depth.find_range(own)
    guessed = (found.note,) if found.note else ()
    facts = replace(facts, bits=found.bits, mode=_mode(own, alpha))
    return _Raw(own, alpha, facts, facts.profile or numbers, found, notes + guessed)


def _mode(own: np.ndarray, alpha: np.ndarray | None) -> str:
    return ("RGB" if own.ndim == 3 else "L") + ("A" if alpha is not None else "") + ";16"


def _chunk(content: bytes, name: bytes) -> bytes | None:
    """The data of a PNG's chunk before its pixels."""
    place = len(_PNG_SIGNATURE)
    while place + 8 <= len(content):
        length, found = struct.unpack(">I4s", content[place : place + 8])
        if found == name:
            return content[place + 8 : place + 8 + length]
        if found == b"IDAT":
            return None
        place += length + 12
    return None


def _from_deep_tiff(content: bytes, deep: tiff.DeepPixels, frame: int) -> _Raw:
    own = deep.samples if deep.samples.shape[-1] == 3 else deep.samples[..., 0]
    found = depth.find_range(own, deep.told)
    if deep.is_inverted and own.dtype.kind != "f":
        own = (found.black + found.white - own.astype(np.float64)).clip(0).astype(own.dtype)
    alpha = deep.alpha
    if alpha is not None:
        whole = _whole_range(alpha.dtype) if alpha.dtype.kind != "f" else depth.Range(0, 1, 32)
        alpha = depth.scaled(alpha, whole)
        if deep.is_premultiplied:
            cover = np.maximum(alpha, 1)[..., None] if own.ndim == 3 else np.maximum(alpha, 1)
            own = np.minimum(own * (65535.0 / cover), found.white).astype(own.dtype)
    said = metadata.of_tiff(content)
    facts = FileFacts(
        format="TIFF",
        mode="F" if own.dtype.kind == "f" else _mode(own, alpha),
        bits=found.bits,
        profile=said.info.get("icc_profile") or None,
        exif=said.exif,
        xmp=said.xmp,
        dpi=metadata.dpi_of(said.info, said.exif),
        frames=deep.frames,
    )
    turn = metadata.orientation(facts.exif, None, facts.xmp)
    return _Raw(
        metadata.turned(own, turn),
        None if alpha is None else metadata.turned(alpha, turn),
        facts,
        facts.profile,
        found,
        ((found.note,) if found.note else ()) + _frames_note(facts.frames if not frame else 1),
    )


def _whole_range(dtype: np.dtype) -> depth.Range:
    limits = np.iinfo(dtype)
    return depth.Range(0, float(limits.max), limits.bits)


def _from_shallow(image: Image.Image, facts: FileFacts) -> _Raw:
    """What Pillow has decoded."""
    numbers, notes = _png_profile(image)
    profile = facts.profile or numbers
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        own = np.asarray(image)
        own = own.astype(np.uint16) if image.mode.startswith("I;16") else own
        found = depth.find_range(own)
        notes += (found.note,) if found.note else ()
        return _Raw(own, None, replace(facts, bits=found.bits), profile, found, notes)
    if image.mode in ("CMYK", "LAB"):
        own, is_known = _ink_to_srgb(image, profile)
        notes += (_profile_note(),) if not is_known else ()
        notes += (
            UserError(
                "note_inks",
                "The file's inks (CMYK or Lab) are read as sRGB, and the result is in sRGB.",
                field="image",
            ),
        )
        return _Raw(own, None, facts, profile, notes=notes, converted=True)
    is_grey = image.mode in ("1", "L", "LA", "La") or (image.mode == "P" and _is_grey(image))
    if image.has_transparency_data:
        pixels = _array(image, "RGBA")
        own, alpha = np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])
        own = np.ascontiguousarray(own[..., 0]) if is_grey else own
        return _Raw(own, alpha, facts, profile, notes=notes)
    own = _array(image, "L" if image.mode in ("1", "L") else "RGB")
    return _Raw(own, None, facts, profile, notes=notes)


def _is_grey(image: Image.Image) -> bool:
    colours = np.array(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return image.has_transparency_data and bool((np.ptp(colours, axis=1) == 0).all())


def _array(image: Image.Image, mode: str) -> np.ndarray:
    """The pixels in `mode`, converted in strips."""
    bands = len(mode) if mode != "L" else 1
    result = np.empty((image.height, image.width, bands)[: 2 if bands == 1 else 3], np.uint8)
    for rows in strips(image.height):
        part = image.crop((0, rows.start, image.width, rows.stop))
        if "transparency" in image.info:
            part.info["transparency"] = image.info["transparency"]
        result[rows] = np.asarray(part.convert(mode))
    return result


def _ink_to_srgb(image: Image.Image, profile: bytes | None) -> tuple[np.ndarray, bool]:
    """(uint8 RGB of a CMYK or LAB picture, False where its profile could not be used)."""
    try:
        if profile and profiles.colour_space(profile) == image.mode:
            return np.asarray(profiles.to_srgb_8_bit(image, profile)), True
        if image.mode == "LAB":
            lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
            return np.asarray(profiles.to_srgb_8_bit(image, lab)), True
    except (ImageCms.PyCMSError, OSError):
        pass
    return np.asarray(image.convert("RGB")), profile is None


def _profile_note() -> UserError:
    return UserError(
        "note_profile_unusable",
        "The colour profile in the file is damaged or does not suit it; its colours are taken "
        "for sRGB.",
        field="image",
    )


def _coloured(raw: _Raw) -> Photograph:
    """The samples with their profile honoured."""
    is_deep = raw.own.dtype != np.uint8 or (raw.alpha is not None and raw.alpha.dtype != np.uint8)
    colour, notes = raw.own, raw.notes
    if raw.own.dtype != np.uint8:
        colour = depth.scaled(raw.own, raw.range)
    profile = raw.profile
    if raw.converted:
        profile = profiles.srgb_profile() if profile else None
    elif profile is not None and not profiles.is_srgb(profile):
        try:
            _check_space(colour, profile)
            colour = profiles.to_srgb(colour, profile)
        except ValueError:
            profile, notes = None, (*notes, _profile_note())
    alpha = raw.alpha
    if is_deep:
        colour, alpha = to_16_bit(colour), None if alpha is None else to_16_bit(alpha)
    black, white = raw.range.black, raw.range.white
    return Photograph(colour, raw.own, alpha, black, white, profile, raw.file, notes)


def _check_space(colour: np.ndarray, profile: bytes) -> None:
    wanted = ("GRAY", "RGB") if colour.ndim == 2 else ("RGB",)
    if profiles.colour_space(profile) not in wanted:
        raise ValueError("the profile is of another kind of colour")
