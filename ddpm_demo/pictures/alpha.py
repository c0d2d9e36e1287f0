"""Transparency: colours that bleed into nothing, and holes that become opaque."""

from __future__ import annotations

import numpy as np
from PIL import Image


def spread(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """A picture whose invisible pixels have the colours of the visible ones nearest to them.

    What lies under full transparency is nobody's colour, mostly black; a network or a filter that
    sees it carries it into the visible edge. Pixels that are visible at all stay as they are. The
    others are filled by a pyramid of averages weighted with alpha (premultiplied), from coarse to
    fine (pull-push, Gortler et al. 1996, section 3.4).

    Args:
        colour: [H, W] or [H, W, 3] of any dtype.
        alpha: [H, W], 0 for invisible.
    """
    clear = alpha == 0
    if not clear.any() or clear.all():
        return colour
    values = colour.astype(np.float32).reshape(*colour.shape[:2], -1)
    filled = _pull_push(values, alpha.astype(np.float32))
    result = colour.copy()
    found = filled.reshape(colour.shape)[clear]
    is_float = colour.dtype.kind == "f"
    result[clear] = found if is_float else np.rint(found)
    return result


def _pull_push(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Values [H, W, C] where weight [H, W] is above 0, smooth continuations elsewhere."""
    if weight.min() > 0 or max(weight.shape) == 1:
        return values
    height, width = weight.shape
    padding = ((0, height % 2), (0, width % 2))
    weights = np.pad(weight, padding)
    sums = np.pad(values * weight[..., None], (*padding, (0, 0)))
    shape = (weights.shape[0] // 2, 2, weights.shape[1] // 2, 2)
    coarse_weight = weights.reshape(shape).sum((1, 3))
    coarse = sums.reshape(*shape, -1).sum((1, 3)) / np.maximum(coarse_weight, 1e-12)[..., None]
    coarse = _pull_push(coarse, coarse_weight)
    fine = coarse.repeat(2, 0).repeat(2, 1)[:height, :width]
    return np.where(weight[..., None] > 0, values, fine)


def spread_image(image: Image.Image) -> Image.Image:
    """The colours of an RGBA or LA picture, `spread` under what is invisible; mode RGB or L."""
    bands = np.asarray(image.convert("LA" if image.mode in ("La", "LA") else "RGBA"))
    colour = bands[..., 0] if bands.shape[-1] == 2 else bands[..., :3]
    return Image.fromarray(spread(np.ascontiguousarray(colour), bands[..., -1]))


def filled(alpha: Image.Image, hole: Image.Image) -> Image.Image:
    """The transparency of a picture with its hole filled: opaque wherever something was made.

    Args:
        alpha: mode L.
        hole: mode L and of the same size, 255 for what was filled.
    """
    return Image.fromarray(np.maximum(np.asarray(alpha), np.asarray(hole)))
