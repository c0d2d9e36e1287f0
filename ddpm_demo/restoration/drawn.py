"""What has no noise: text, drawings, screenshots; and levels that are none to speak of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LEVELS = 127.5
# Less is found in clean photographs too (256 x 256 of the 42 that it was chosen on: 1.6 at most).
NOTHING = 1.7 / LEVELS
PLAIN, NEAR = 0.45, 0.16  # see `is_drawn`
FEW_VALUES = 8  # noise makes more: dithered, pixel art


def is_drawn(parts: Sequence[Tensor]) -> bool:
    """Whether neighbours are equal so often that nothing was added: text, drawings, screenshots.

    Among noisy grey values of sigma 0.5 levels half are equal, of three channels an eighth.
    White and black may be cut off from anything. There noise leaves ragged edges and many values
    next to white and black; ink leaves plain areas and few. (Noisy copies of a page: plain in at
    most 0.23 of it, 0.17 to 0.58 of the rest next to white or black; the page itself 0.63, 0.13.)
    """
    parts = [part for part in parts if min(part.shape[-2:]) > 1]
    if not parts:
        return True
    pixels = [((part[0] + 1) * LEVELS).round() for part in parts]
    equal = torch.cat([(x[:, :, 1:] == x[:, :, :-1]).all(0).flatten() for x in pixels])
    cut = [((x == 0) | (x == 255)).all(0)[:, 1:].flatten() for x in pixels]
    saturated = torch.cat(cut)
    limit = 0.65 if len(pixels[0]) == 1 else 0.4
    inside = equal[~saturated]
    if inside.numel() and float(inside.float().mean()) > limit:
        return True
    values = torch.cat([x.flatten() for x in pixels])
    if len(values) > FEW_VALUES**2 and len(values.unique()) <= FEW_VALUES:
        return True
    between = (values > 0) & (values < 255)
    near = between & ((values <= 6) | (values >= 249))
    is_plain = float((saturated & equal).float().mean()) > PLAIN
    return is_plain and int(near.sum()) <= NEAR * int(between.sum())
