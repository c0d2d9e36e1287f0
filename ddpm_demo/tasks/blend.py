"""From the chains of a restoration to the pictures asked for: means, samples, and between.

Between the posterior mean and a sample the straight line is the best there is (Freirich et al.
2021, arXiv:2107.02555, theorem 3): no other estimate of that likeness to pictures is as near.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..samplers import Step


class Restoration:
    """A run of a restoration: iterate it for `Step`s with the pictures wanted in x0_hat.

    Args:
        chains: a stream of n chains; chain i < num_images is sample i.
        num_images: pictures wanted where perception is above 0; otherwise there is one.
        perception: 0 to 1; picture i = mean + perception (sample i - mean).
        first_is_mean: x0_hat of the first step is the posterior mean (denoising); otherwise the
            mean of the chains is taken for it.
        finish: what is done to the pictures at the end.

    Attributes:
        samples: the finished chains [n, C, H, W], None before the end.
    """

    def __init__(
        self,
        chains: Iterator[Step],
        num_images: int,
        perception: float,
        *,
        first_is_mean: bool = False,
        finish: Callable[[Tensor], Tensor] = lambda x: x,
    ):
        self.num_images = num_images if perception > 0 else 1
        self.perception, self.first_is_mean, self.finish = perception, first_is_mean, finish
        self.samples: Tensor | None = None
        self._chains, self._first = chains, None

    @torch.inference_mode()
    def __iter__(self) -> Iterator[Step]:
        for step in self._chains:
            if self._first is None and self.first_is_mean:
                self._first = step.x0_hat[:1]
            x0_hat, x_t = self._blend(step.x0_hat), step.x_t[: self.num_images]
            if step.is_last:
                self.samples, x0_hat = self.finish(step.x0_hat), self.finish(x0_hat)
                x_t = x0_hat
            yield dataclasses.replace(
                step,
                x_t=x_t,
                x0_hat=x0_hat,
                num_evaluations=step.num_evaluations * len(step.x0_hat) // self.num_images,
            )

    def _blend(self, x0_hat: Tensor) -> Tensor:
        if self.perception == 1:
            return x0_hat[: self.num_images]
        mean = x0_hat.mean(0, keepdim=True) if self._first is None else self._first
        return mean + self.perception * (x0_hat[: self.num_images] - mean)
