"""Nearest neighbours among many pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

CHUNK_VALUES = 2**24  # 64 MiB of float32 at a time


def nearest(
    queries: Tensor | np.ndarray,
    base: Tensor | np.ndarray,
    on_progress: Callable[[int], None] | None = None,
    skip: np.ndarray | None = None,
) -> tuple[Tensor, Tensor]:
    """For each query its distance to the nearest of `base`, and which one that is.

    Matrix products over chunks of both, so that 2,000 pictures against 60,000 fit in memory; the
    distance to the one found is then computed again from the difference, exactly.

    Args:
        queries: [Q, ...], float or uint8.
        base: [N, ...] of the same shape a row; may be a memory map.
        on_progress: told how many of `base` are done.
        skip: for each query the row of `base` that does not count, as for a query that is itself
            among them; None for none.

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
            distances = norms - 2 * _rows(queries, chosen) @ part.T
            if skip is not None:
                own = (
                    torch.arange(start, start + len(part))
                    == torch.as_tensor(skip[chosen])[:, None]
                )
                distances.masked_fill_(own, torch.inf)
            distance, where = distances.min(1)
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


def _rows(values: Tensor | np.ndarray, which: slice | list[int]) -> Tensor:
    """float32 [B, D] of the chosen rows; bytes about 0, where float32 is finest."""
    chosen = values[which]
    rows = torch.from_numpy(np.array(chosen)) if isinstance(chosen, np.ndarray) else chosen
    return rows.flatten(1).float() - (127.5 if rows.dtype == torch.uint8 else 0.0)
