"""Linear systems by conjugate gradients, a batch at once (Hestenes & Stiefel 1952)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def conjugate_gradients(
    apply: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    r: Tensor,
    tolerance: float,
    max_iterations: int,
) -> Tensor:
    """u with apply(u) = r for each picture of the batch [B, ...], starting at 0.

    Args:
        apply: symmetric, positive semidefinite on the space that r lies in.
        precondition: about its inverse.
        tolerance: stops when |r - apply(u)| <= tolerance |r| for every picture.
    """
    u = r.new_zeros(r.shape)
    limit = tolerance**2 * _dot(r, r)
    z = precondition(r)
    direction, rz = z, _dot(r, z)
    for _ in range(max_iterations):
        if bool((_dot(r, r) <= limit).all()):
            break
        image = apply(direction)
        step = _ratio(rz, _dot(direction, image))
        u = u + step * direction
        r = r - step * image
        z = precondition(r)
        new_rz = _dot(r, z)
        direction = z + _ratio(new_rz, rz) * direction
        rz = new_rz
    return u


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((1, 2, 3), keepdim=True)


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where a picture has converged to the last bit."""
    return a / b.masked_fill(b == 0, float("inf"))
