"""Solving x = f(x) in few evaluations: Anderson acceleration, for a batch of pictures at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MEMORY = 4


def solve_fixed_point(
    f: Callable[[Tensor], Tensor],
    x: Tensor,
    max_evaluations: int,
    tolerance: float = 0.0,
    memory: int = MEMORY,
) -> Tensor:
    """An x with f(x) close to x, for each picture of the batch on its own.

    Type-II Anderson mixing (Anderson 1965; Walker & Ni 2011, algorithm AA): the next x is the
    combination of the last answers whose residuals f(x) - x cancel best in least squares. With one
    evaluation this is f(x), with `memory` 0 plain iteration. The answer with the smallest residual
    is returned, so that a picture on which the iteration diverges is not spoilt by it.

    Args:
        f: keeps the shape; the pictures of a batch must not depend on one another.
        x: the first guess, [B, ...].
        max_evaluations: calls of f at most, at least 1.
        tolerance: stop when the mean squared residual of every picture is at most this.
        memory: how many earlier differences are mixed in.
    """
    answers: list[Tensor] = []
    residuals: list[Tensor] = []
    best, smallest = x, torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)
    for _ in range(max_evaluations):
        answer = f(x)
        residual = (answer - x).flatten(1).double()
        size = residual.square().mean(1)
        better = (size < smallest).view(-1, *[1] * (x.ndim - 1))
        best, smallest = torch.where(better, answer, best), torch.minimum(size, smallest)
        if bool((smallest <= tolerance).all()):
            break
        answers = [*answers, answer][-memory - 1 :]
        residuals = [*residuals, residual][-memory - 1 :]
        x = _mix(answers, residuals)
    return best


def _mix(answers: list[Tensor], residuals: list[Tensor]) -> Tensor:
    """sum_i w_i answer_i with sum_i w_i = 1 and |sum_i w_i residual_i| least."""
    newest = answers[-1]
    if len(answers) == 1:
        return newest
    history = torch.stack(residuals, dim=1)  # [B, m + 1, D]
    changes = history[:, 1:] - history[:, :-1]
    gram = changes @ changes.mT
    # Nearly parallel changes would give huge weights; this bounds them.
    ridge = 1e-8 * gram.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-30)
    gram = gram + ridge[:, None, None] * torch.eye(gram.shape[1], dtype=gram.dtype).to(gram)
    weights = torch.linalg.solve(gram, changes @ history[:, -1:].mT)[..., 0].to(newest.dtype)
    steps = torch.stack(answers, dim=1)
    steps = steps[:, 1:] - steps[:, :-1]
    return newest - (weights.view(*weights.shape, *[1] * (newest.ndim - 1)) * steps).sum(1)
