"""Nearest neighbours among many pictures, and the memorisation check that rests on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..training.nearest import nearest

NEAR_SHARE = 0.01


@dataclass(frozen=True)
class Memorisation:
    """Distances to the nearest training picture, of samples and of held-out pictures.

    A network that copies has samples far nearer than held-out pictures are; one that has learnt
    the distribution has both alike.

    Args:
        samples_median, heldout_median: root mean square over the D values of a picture (in
            8-bit grey levels for pixels).
        ratio: samples_median / heldout_median.
        near_share: share of samples nearer than all but the nearest 1 % of held-out pictures;
            0.01 where both are alike.
        num_samples, num_heldout, num_train: how many were compared.
        nearest: for the samples, nearest first: (sample, training picture, distance), at most 8.
    """

    samples_median: float
    heldout_median: float
    ratio: float
    near_share: float
    num_samples: int
    num_heldout: int
    num_train: int
    nearest: tuple[tuple[int, int, float], ...]


def memorisation(
    samples: Tensor | np.ndarray,
    heldout: Tensor | np.ndarray,
    train: Tensor | np.ndarray,
    on_progress: Callable[[int], None] | None = None,
) -> Memorisation:
    """The check, in whatever space the rows lie: pixels (uint8) or features (float32).

    Args:
        samples, heldout, train: [N, ...], rows of one shape; at least one each.
        on_progress: told how many training rows are done.
    """
    count = len(samples)
    # The held-out pictures may be a memory map.
    queries = [
        torch.from_numpy(np.array(x)) if isinstance(x, np.ndarray) else x
        for x in (samples, heldout)
    ]
    distance, index = nearest(torch.cat(queries), train, on_progress)
    of_samples, of_heldout = distance[:count], distance[count:]
    samples_median, heldout_median = float(of_samples.median()), float(of_heldout.median())
    threshold = of_heldout.quantile(NEAR_SHARE)
    order = of_samples.argsort()[:8].tolist()
    return Memorisation(
        samples_median=samples_median,
        heldout_median=heldout_median,
        ratio=samples_median / heldout_median if heldout_median else float("nan"),
        near_share=float((of_samples < threshold).double().mean()),
        num_samples=count,
        num_heldout=len(of_heldout),
        num_train=len(train),
        nearest=tuple((i, int(index[i]), float(of_samples[i])) for i in order),
    )
