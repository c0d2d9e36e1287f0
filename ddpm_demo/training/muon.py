"""Muon on the network's matrices, AdamW on the rest (Jordan 2024; Liu et al. 2025,
arXiv:2502.16982).

A matrix's momentum M = U S V^T is replaced by about U V^T before it is stepped along, so that no
few directions take all of the step. The kernels of a convolution are the matrix
[outputs, inputs x height x width]. torch's own `Muon` takes matrices alone, and computes in
bfloat16, which most CPUs lack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

MOMENTUM = 0.95
# Jordan's quintic, x -> a x + b x^3 + c x^5 on singular values: five times take all from about
# 0.005 up to between 0.7 and 1.2.
QUINTIC, TIMES = (3.4445, -4.7750, 2.0315), 5
# A step then is as long as AdamW's usually is, so that rate and decay are AdamW's.
RMS_OF_ADAMW = 0.2
# Smaller ones, such as the first and last convolution, are AdamW's.
FEWEST_ROWS, FEWEST_COLUMNS = 8, 64


class Muon(torch.optim.AdamW):
    """An optimiser that takes all parameters of a network.

    Args:
        params: what to train; those with at least 8 rows of 64 numbers are matrices.
        lr, weight_decay: of all.
        betas: of AdamW; Muon's momentum is .95, as Nesterov's.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.01,
    ):
        super().__init__(list(params), lr=lr, betas=betas, weight_decay=weight_decay, fused=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step along the gradients that are there."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        gradients = {}
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and is_matrix(parameter):
                    gradients[parameter] = parameter.grad
                    self._turn(parameter, group["lr"], group["weight_decay"])
                    parameter.grad = None  # AdamW leaves alone what has none
        super().step()
        for parameter, gradient in gradients.items():
            parameter.grad = gradient
        return loss

    def _turn(self, parameter: Tensor, rate: float, weight_decay: float) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())  # AdamW, which loads the states, asks each for it
            state["momentum"] = torch.zeros_like(parameter)
        state["step"] += 1
        momentum = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM).flatten(1)
        length = RMS_OF_ADAMW * max(ahead.shape) ** 0.5
        parameter.mul_(1 - rate * weight_decay)
        parameter.sub_(orthogonal(ahead).view(parameter.shape), alpha=rate * length)


def is_matrix(parameter: Tensor) -> bool:
    """Whether Muon takes it; AdamW takes biases, norms, and what is too small to gain."""
    if parameter.ndim < 2 or parameter.shape[0] < FEWEST_ROWS:
        return False
    return parameter[0].numel() >= FEWEST_COLUMNS


def kept_of(optimizer: torch.optim.Optimizer, parameter: Tensor) -> set[str]:
    """Names of what AdamW or Muon keeps of a parameter from step to step."""
    turned = isinstance(optimizer, Muon) and is_matrix(parameter)
    return {"step", "momentum"} if turned else {"step", "exp_avg", "exp_avg_sq"}


def orthogonal(matrix: Tensor) -> Tensor:
    """About U V^T of a matrix U S V^T, by Newton-Schulz."""
    a, b, c = QUINTIC
    x = matrix / matrix.norm().clamp(min=1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(TIMES):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).contiguous()
