"""What an uploaded mask means: white on black, 0 and 1, what was erased, what was painted."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from ..errors import UserError
from . import decode
from .opening import ImageSource

FILL = 255
# Of an eight-bit value, the least that counts as white or as painted.
THRESHOLD = 128
# A colour whose channels differ by so much is paint: no grey, no shade of a JPEG's grey.
_PAINT_SPAN = 128
# Of the pixels of a colour like paint, the share that has to be of one paint.
_ONE_PAINT = 0.5
_SAME_PAINT = 48
# A picture has more than this share of pixels that are neither as dark or as bright as this.
_PICTURE, _DARK = 0.3, 48
# By how much paint over a picture may differ, the share of it that has it on all four sides, and
# how far around it a JPEG may have changed it.
_FLAT, _SOLID, _RIM_PX = 5, 0.5, 2
# Pixels of a pure colour that are paint in any picture, and the share that another may have of it.
_LEAST_PAINT, _OTHER_PAINT = 16, 0.1


def read(source: ImageSource) -> Image.Image:
    """The mask in a file, mode L, 255 where it says fill; any format and depth.

    Raises:
        UserError: as for `decode.read`.
    """
    photograph = decode.read(source)
    # A mask's numbers are no colours: neither its profile nor its depth's range says anything.
    return Image.fromarray(_meaning(photograph.own, photograph.alpha))


def of_picture(mask: Image.Image) -> Image.Image:
    """The mask that a picture of any mode means, mode L, 255 where it says fill."""
    if mask.mode in ("F", "I") or mask.mode.startswith("I;16"):
        return Image.fromarray(_meaning(np.asarray(mask), None))
    is_grey = mask.mode in ("1", "L", "LA", "La")
    if mask.has_transparency_data:
        bands = np.asarray(mask.convert("LA" if is_grey else "RGBA"))
        colour = bands[..., 0] if is_grey else bands[..., :3]
        return Image.fromarray(_meaning(colour, bands[..., -1]))
    if mask.mode == "P" and _is_two_greys(mask):
        return Image.fromarray(_meaning(np.asarray(mask), None))
    return Image.fromarray(_meaning(np.asarray(mask.convert("L" if is_grey else "RGB")), None))


def _is_two_greys(mask: Image.Image) -> bool:
    """Whether the palette says nothing: two indices of one colour."""
    used = mask.getcolors(3) or []
    palette = np.array(mask.getpalette("RGB")).reshape(-1, 3)
    colours = [tuple(palette[index]) for _, index in used if index < len(palette)]
    return len(used) == 2 and len(set(colours)) < 2


def _meaning(colour: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """uint8 [H, W], 0 or 255, of [H, W] or [H, W, 3] and alpha of any unsigned type."""
    if alpha is not None:
        seen = alpha >= (np.iinfo(alpha.dtype).max + 1) // 2
        if seen.any() and not seen.all():
            return _as_mask(_by_alpha(_span(colour, seen), seen))
        if not seen.any():
            return _as_mask(seen)
    if colour.ndim == 3 and bool((colour[..., :1] == colour).all()):
        colour = colour[..., 0]
    return _as_mask(_by_level(colour) if colour.ndim == 2 else _by_paint(colour))


def _as_mask(chosen: np.ndarray) -> np.ndarray:
    return chosen.astype(np.uint8) * np.uint8(FILL)


def _by_level(grey: np.ndarray) -> np.ndarray:
    """Of two values the larger; otherwise at least half of the type's range."""
    low, high = grey.min(), grey.max()
    if low < high and bool(((grey == low) | (grey == high)).all()):
        return grey == high
    if grey.dtype.kind == "f":
        return grey >= 0.5 * (1 if high <= 1 else 255 if high <= 255 else high)
    top = np.iinfo(grey.dtype).max
    top = top if grey.dtype.itemsize < 4 else max(65535, int(high))
    return grey >= (top + 1) // 2


def _span(colour: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The visible pixels as uint8 levels of their least and largest channel, [N, 2]."""
    visible = colour[seen].reshape(int(seen.sum()), -1)
    if visible.dtype == np.uint16:
        visible = visible >> 8
    return np.stack([visible.min(1), visible.max(1)], -1).astype(np.int64)


def _by_alpha(span: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """What is filled where a part of the mask is transparent.

    Bright or coloured paint on nothing is filled. Black, or a whole picture, with a part erased:
    the erased part is. White and black on nothing: the white.
    """
    is_paint = (span[:, 1] - span[:, 0] >= _PAINT_SPAN) | (span[:, 0] >= THRESHOLD)
    is_black = span[:, 1] < THRESHOLD // 4
    if is_paint.mean() > 0.95:
        return seen
    if is_paint.any() and (is_paint | is_black).mean() > 0.95:
        chosen = np.zeros(seen.shape, bool)
        chosen[seen] = is_paint
        return chosen
    return ~seen


def _by_paint(colour: np.ndarray) -> np.ndarray:
    """What is painted in one strong colour or in white over a picture, in a strong colour over a
    page; else what is bright."""
    levels = colour if colour.dtype == np.uint8 else (colour >> 8).astype(np.uint8)
    flat = levels.reshape(-1, 3).astype(np.int16)
    strong = np.ptp(flat, axis=1) >= _PAINT_SPAN
    if strong.any() and not strong.all():
        pure = _pure_paint(flat)
        if pure is not None:
            return pure.reshape(levels.shape[:2])
    if _is_picture(flat, strong):
        return _flat_paint(levels, strong.reshape(levels.shape[:2]))
    if strong.any() and not strong.all():
        packed = levels.reshape(-1, 3)[strong] >> 4
        names = (packed.astype(np.int64) * np.array([256, 16, 1])).sum(1)
        found, counts = np.unique(names, return_counts=True)
        name = found[counts.argmax()]
        middle = np.array([name // 256, name // 16 % 16, name % 16]) * 16 + 8
        near = (np.abs(flat - middle) <= _SAME_PAINT).all(1)
        if (near & strong).sum() >= _ONE_PAINT * strong.sum():
            return near.reshape(levels.shape[:2])
        if len(found) <= 16 and len(np.unique(flat[~strong] >> 4, axis=0)) <= 4:
            return strong.reshape(levels.shape[:2])  # labels in colours on one ground
    luma = flat @ np.array([0.299, 0.587, 0.114])
    return (luma >= THRESHOLD - 0.5).reshape(levels.shape[:2])


def _pure_paint(flat: np.ndarray) -> np.ndarray | None:
    """Pixels [N] in the one pure colour (red, yellow, green, ...) that there is much of, beside
    whatever strong colours the picture below has; None where there is none, or several."""
    found = []
    for name in range(1, 7):
        pure = np.array([255 * (name >> bit & 1) for bit in range(3)], np.int16)
        near = (np.abs(flat - pure) <= _SAME_PAINT).all(1)
        found.append((int(near.sum()), near))
    found.sort(key=lambda each: -each[0])
    is_one = found[0][0] >= _LEAST_PAINT and found[1][0] < _OTHER_PAINT * found[0][0]
    return found[0][1] if is_one else None


def _is_picture(flat: np.ndarray, strong: np.ndarray) -> bool:
    """Whether much of it is neither black, nor white, nor a strong colour."""
    between = (flat.max(1) > _DARK) & (flat.min(1) < 255 - _DARK) & ~strong
    return bool(between.mean() > _PICTURE)


def _flat_paint(levels: np.ndarray, strong: np.ndarray) -> np.ndarray:
    """[H, W] of what is painted over a picture: white, or a colour that nothing else has so flat.

    Raises:
        UserError: nothing is, or more than one of them may be meant.
    """
    far = [255 - levels.min(-1)]
    if strong.any():
        middle = np.median(levels[strong], axis=0)
        one = np.abs(levels.astype(np.int16) - middle).max(-1)
        far += [one] if (strong & (one <= _FLAT)).sum() >= _ONE_PAINT * strong.sum() else []
    painted = [_with_rim(each) for each in far if _is_solid(each <= _FLAT)]
    if len(painted) != 1:
        raise UserError(
            "mask_unclear",
            "This mask looks like a picture, and what is to be filled is not clearly painted in "
            "it; paint that in white on black, or in pure red over the picture.",
            field="mask_image",
        )
    return painted[0]


def _with_rim(far: np.ndarray) -> np.ndarray:
    """What is as flat as paint, and beside it what a JPEG has made of it; [H, W] of levels off."""
    flat = Image.fromarray(_as_mask(far <= _FLAT))
    beside = np.asarray(flat.filter(ImageFilter.MaxFilter(2 * _RIM_PX + 1))) > 0
    return beside & (far <= _SAME_PAINT)


def _is_solid(chosen: np.ndarray) -> bool:
    """Whether it lies in patches: highlights and single pixels of a colour do not."""
    inner = chosen[1:-1, 1:-1] & chosen[:-2, 1:-1] & chosen[2:, 1:-1]
    inner &= chosen[1:-1, :-2] & chosen[1:-1, 2:]
    return bool(inner.sum() >= max(_LEAST_PAINT, _SOLID * chosen.sum()))


def check_size(mask: Image.Image, size: tuple[int, int]) -> None:
    """Raise a `UserError` for a mask that has not the picture's size."""
    if mask.size != tuple(size):
        raise UserError(
            "mask_size",
            "The mask has {mask_width} x {mask_height} pixels but the picture has {width} x "
            "{height}; give a mask of the picture's size.",
            field="mask_image",
            mask_width=mask.width,
            mask_height=mask.height,
            width=size[0],
            height=size[1],
        )
