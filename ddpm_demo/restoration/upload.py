"""Uploads made ready for a restoration, and its results made into pictures again."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

from ..checkpoints.library import CheckpointInfo
from ..errors import UserError
from ..pictures import compression, deep
from ..pictures.alpha import spread, spread_image
from ..pictures.compression import Compression
from ..pictures.images import plain, to_pil, to_tensor
from ..pictures.photograph import to_8_bit
from . import fit as prior
from .canvas import from_pixels, to_luma, to_pixels
from .fit import Fit

GREY_LEVEL = 128


@dataclass(frozen=True)
class Upload:
    """A picture ready to be restored.

    Args:
        colour: mode L or RGB.
        alpha: mode L and of the same size, None for an opaque picture.
        fit: how the prior goes at the result.
        compression: of the JPEG whose very pixels these are; None for others.
        deep: uint16 [H, W] (L) or [H, W, 3] (RGB), the pixels of `colour` where the file has more
            than 8 bits and they are still its own; None otherwise.
    """

    colour: Image.Image
    alpha: Image.Image | None
    fit: Fit
    compression: Compression | None = None
    deep: np.ndarray | None = None

    @property
    def is_grey(self) -> bool:
        return self.colour.mode == "L"

    @property
    def is_deep(self) -> bool:
        """Whether it has more than 8 bits, and its result is to have as many."""
        return self.deep is not None

    @property
    def pixels(self) -> np.ndarray:
        """[H, W] or [H, W, 3], uint8, or uint16 where it is deep. Not to be written to."""
        return np.asarray(self.colour) if self.deep is None else self.deep

    def without_pixels(self) -> Upload:
        """The same for who has taken the pixels already: a second copy of them is let go."""
        return dataclasses.replace(
            self,
            colour=Image.new(self.colour.mode, (1, 1)),
            deep=None if self.deep is None else self.deep[:1, :1].copy(),
        )

    def tensor(self, channels: int) -> Tensor:
        """[1, channels, H, W] in [-1, 1]."""
        if self.deep is not None:
            return from_pixels(self.deep, channels)
        return to_tensor(self.colour, channels)


def prepare(
    image: Image.Image, info: CheckpointInfo, num_chains: int, reduce: bool, factor: int = 1
) -> Upload:
    """Upright, 8-bit, within the limits, at the size that the prior takes.

    Args:
        image: any picture that Pillow has opened.
        info: of the checkpoint.
        num_chains: that will run side by side.
        reduce: a picture too large is reduced.
        factor: the result's sides over the picture's.

    Raises:
        UserError: too large, too small, or damaged.
    """
    coded, deep_pixels, size = compression.of_picture(image), deep.deep_of(image), image.size
    image = plain(image)
    prior.check_side(*image.size)
    place = prior.fit(info, image.width * factor, image.height * factor, factor, num_chains)
    if place.how == "square":
        image = resize_square(image, place.width // factor)
    else:
        is_deep = deep_pixels is not None
        shrink = prior.reduction(place.width, place.height, num_chains, reduce, is_deep)
        if shrink < 1:
            size = tuple(max(prior.MIN_SIDE_PX, int(side * shrink)) for side in image.size)
            image = image.resize(size, Image.Resampling.LANCZOS)
            width, height = image.width * factor, image.height * factor
            place = prior.fit(info, width, height, factor, num_chains)
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colour = image if image.mode in ("L", "RGB") else image.convert("RGB")
    if alpha is not None:
        # What lies under transparency is nobody's colour and must not bleed into what is seen.
        colour = spread_image(image)
    is_own = image.size == size
    coded = coded if is_own and alpha is None else None
    deep_pixels = _as_held(deep_pixels, colour, alpha) if is_own else None
    return Upload(colour, alpha, place, coded, deep_pixels)


def _as_held(
    pixels: np.ndarray | None, colour: Image.Image, alpha: Image.Image | None
) -> np.ndarray | None:
    """A picture's deep pixels as an `Upload` has them beside `colour`."""
    if pixels is None:
        return None
    if alpha is not None:
        pixels = spread(pixels, np.asarray(alpha))
    if pixels.ndim == 2 and colour.mode == "RGB":  # grey and transparent is held in colours
        pixels = pixels[..., None].repeat(3, -1)
    return pixels


def compression_of(upload: Upload) -> Compression:
    """How an upload was compressed.

    Raises:
        UserError: nobody knows.
    """
    if upload.compression is None or upload.compression.profile is not None:
        raise UserError(
            "artefacts_unknown",
            "How this picture was compressed is not known: give a JPEG as it came, upright "
            "and in sRGB.",
            field="artefacts",
        )
    return upload.compression


def as_grey(upload: Upload) -> Upload:
    """A picture whose channels are alike, as one of one channel."""
    deep_pixels = None if upload.deep is None else to_luma(upload.deep)
    return dataclasses.replace(upload, colour=upload.colour.convert("L"), deep=deep_pixels)


def resize_square(image: Image.Image, side: int) -> Image.Image:
    if image.size == (side, side):
        return image
    return ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS)


def fit_mask(mask: Image.Image, upload: Upload) -> Image.Image:
    """A mask (255 = fill, 0 = known) at the size of a picture that was squared or reduced.

    Every pixel that has something of the hole in it belongs to the hole, and its neighbours too,
    since scaling spreads the colours that are to be replaced.
    """
    if mask.size == upload.colour.size:
        return mask
    if upload.fit.how == "square":
        mask = ImageOps.fit(mask, upload.colour.size, Image.Resampling.BOX)
    else:
        mask = mask.resize(upload.colour.size, Image.Resampling.BOX)
    return mask.point(lambda level: 255 if level else 0).filter(ImageFilter.MaxFilter(3))


def check_mask(hole: Tensor | np.ndarray) -> None:
    """Raise a `UserError` for a mask that is 1 (or True) nowhere or everywhere."""
    if not bool(hole.any()):
        raise UserError(
            "mask_empty",
            "The mask is empty, so there is nothing to fill; paint over a part of the picture.",
            field="mask",
        )
    if bool(hole.all()):
        raise UserError(
            "mask_full",
            "The mask covers the whole picture, so that nothing of it is left to go by; "
            "leave a part of the picture uncovered.",
            field="mask",
        )


def check_feather(unknown: Tensor | np.ndarray) -> None:
    """Raise a `UserError` for a hole that is everywhere once its feathering counts with it."""
    if bool(unknown.all()):
        raise UserError(
            "mask_full_feathered",
            "With its feathered edge the mask covers the whole picture, so that nothing of it is "
            "left to go by; feather it less.",
            field="feather_px",
        )


def expand(
    image: Image.Image, mask: Image.Image, sides: tuple[int, int, int, int]
) -> tuple[Image.Image, Image.Image]:
    """Picture and mask with pixels to fill at the left, top, right and bottom; a picture's deep
    pixels go on with it."""
    if not any(sides):
        return image, mask
    left, top, right, bottom = sides
    size = (image.width + left + right, image.height + top + bottom)
    grey = Image.new("L", size, GREY_LEVEL)
    canvas = grey.convert(image.mode)
    canvas.paste(image, (left, top))
    hole = Image.new("L", size, 255)
    hole.paste(mask, (left, top))
    pixels = deep.deep_of(image)
    if pixels is not None:
        deep.attach(canvas, deep.framed(pixels, sides, 257 * GREY_LEVEL))
    return canvas, hole


def feather(hole: Tensor, feather_px: float) -> Tensor:
    """Weights of the filling: 1 in the hole, falling to 0 over `feather_px` pixels around it.

    Args:
        hole: [1, 1, H, W], 1 = to fill.
        feather_px: 0 gives the hole back.
    """
    rings = round(feather_px)
    grown, total = hole, hole.clone()
    for _ in range(rings):
        grown = torch.nn.functional.max_pool2d(grown, 3, stride=1, padding=1)
        total = total + grown
    return total / (rings + 1)


def to_picture(
    x: Tensor, is_grey: bool, alpha: Image.Image | None, is_deep: bool = False
) -> Image.Image:
    """One picture [1, C, H, W] as PIL: grey where the upload was, with its transparency.

    Args:
        x: in [-1, 1].
        is_grey: the upload was.
        alpha: mode L, None for an opaque picture.
        is_deep: its deep pixels are attached.
    """
    pixels = to_pixels(x[0], is_grey, np.dtype(np.uint16)) if is_deep else None
    picture = to_pil(x)[0] if pixels is None else Image.fromarray(to_8_bit(pixels))
    if is_grey and picture.mode != "L":
        picture = picture.convert("L")
    if alpha is not None:
        picture = picture.convert("RGB")
        picture.putalpha(alpha)
    return picture if pixels is None else deep.attach(picture, pixels)
