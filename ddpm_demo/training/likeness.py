"""Whether samples look like the data at all. A network that has just begun draws textures of
noise, or blurs; by the distance of their pixels alone these pass for new pictures.
"""

from __future__ import annotations

import numpy as np

SMALLEST_PX = 8  # the last scale that is halved
SOFTENED_LEVELS = 2.0  # less than that nobody sees
SAME = 0.25  # a difference in a feature that says nothing, however alike the data are
LEAST_OWN = 0.3  # what training pictures keep to, at the least: they are samples themselves
MAX_OWN = 128


class Likeness:
    """Compares samples with training pictures by what is seen without looking at single pixels.

    Args:
        pictures: uint8 [N, S, S, C], at least two.
    """

    def __init__(self, pictures: np.ndarray):
        known = describe(pictures)
        self._scale = np.hypot(known.std(0), SAME)
        known = known / self._scale
        self._low, self._high = known.min(0), known.max(0)
        numbers = np.linspace(0, len(known) - 1, min(len(known), MAX_OWN)).round().astype(int)
        own = [
            _outside(known[n : n + 1], *_range(np.delete(known, n, axis=0))) for n in set(numbers)
        ]
        self._own = max(float(np.quantile(np.concatenate(own), 0.9)), LEAST_OWN)

    def unlike(self, images: np.ndarray) -> float:
        """How unlike the data samples uint8 [B, S, S, C] are: how far, as the median, they lie
        outside the range of the training pictures, over what nine of ten training pictures keep
        to when they are taken out of it. Up to about 1 for pictures of the same kind.
        """
        outside = _outside(describe(images) / self._scale, self._low, self._high)
        return float(np.median(outside)) / self._own


def describe(pictures: np.ndarray) -> np.ndarray:
    """Which colours pictures have, and how much detail at each scale.

    Args:
        pictures: uint8 [N, S, S, C].

    Returns:
        float64 [N, F]: mean and standard deviation of each channel in eighths of the range; the
        base-2 logarithm of the root mean square of what each halving takes away (a Laplacian
        pyramid, Burt and Adelson 1983) and of the spread of what is left; and twice its growth
        from one scale to the next, which is -2 for white noise and positive for pictures.
    """
    level = pictures.astype(np.float64)
    colours = [level.mean((1, 2)) / 32, level.std((1, 2)) / 32]
    spread = []
    while min(level.shape[1:3]) >= SMALLEST_PX:
        smaller = _halved(level)
        back = smaller.repeat(2, 1).repeat(2, 2)
        lost = level[:, : back.shape[1], : back.shape[2]] - back
        spread.append(np.sqrt((lost**2).mean((1, 2, 3))))
        level = smaller
    spread.append(level.std((1, 2)).mean(1))
    detail = np.log2(np.stack(spread, 1) + SOFTENED_LEVELS)
    return np.concatenate([*colours, detail, 2 * np.diff(detail, axis=1)], 1)


def _halved(level: np.ndarray) -> np.ndarray:
    """Means of 2 x 2, [N, S // 2, S // 2, C]."""
    height, width = level.shape[1] // 2 * 2, level.shape[2] // 2 * 2
    even = level[:, :height, :width]
    return (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]) / 4


def _range(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return features.min(0), features.max(0)


def _outside(features: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How far beyond `low` and `high`, root mean square over the features, [N]."""
    beyond = np.maximum(np.maximum(low - features, features - high), 0)
    return np.sqrt((beyond**2).mean(1))
