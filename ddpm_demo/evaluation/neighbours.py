"""Nearest neighbours among many pictures, and the memorisation check that rests on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CHUNK_VALUES = 2**24  # 64 MiB of float32 at a time
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


def nearest(
    queries: Tensor | np.ndarray,
    base: Tensor | np.ndarray,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """For each query its distance to the nearest of `base`, and which one that is.

    Matrix products over chunks of both, so that 2,000 pictures against 60,000 fit in memory; the
    distance to the one found is then computed again from the difference, exactly.

    Args:
        queries: [Q, ...], float or uint8.
        base: [N, ...] of the same shape a row; may be a memory map.
        on_progress: told how many of `base` are done.

    Returns:
        float64 [Q], the root mean square over the D values of a row, and int64 [Q].
    """
    rows = max(1, CHUNK_VALUES // max(1, int(np.prod(base.shape[1:]))))
    best = torch.full((len(queries),), torch.inf)
    index = torch.zeros(len(queries), dtype=torch.int64)
    for start in range(0, len(base), rows):
        part = _rows(base, slice(start, start + rows))
        norms = part.square().sum(1)
        for first in range(0, len(queries), rows):
            chosen = slice(first, first + rows)
            # |q - b|^2 without |q|^2, which is the same for all b.
            distance, where = (norms - 2 * _rows(queries, chosen) @ part.T).min(1)
            nearer = distance < best[chosen]
            best[chosen] = torch.where(nearer, distance, best[chosen])
            index[chosen] = torch.where(nearer, where + start, index[chosen])
        if on_progress is not None:
            on_progress(min(start + rows, len(base)))
    distances = [
        (_rows(queries, [q]).double() - _rows(base, [int(b)]).double()).square().mean().sqrt()
        for q, b in enumerate(index)
    ]
    return torch.stack(distances), index


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


def _rows(values: Tensor | np.ndarray, which: slice | list[int]) -> Tensor:
    """float32 [B, D] of the chosen rows; bytes about 0, where float32 is finest."""
    chosen = values[which]
    rows = torch.from_numpy(np.array(chosen)) if isinstance(chosen, np.ndarray) else chosen
    return rows.flatten(1).float() - (127.5 if rows.dtype == torch.uint8 else 0.0)
