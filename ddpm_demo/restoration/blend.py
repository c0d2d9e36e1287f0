"""From the chains of a restoration to the pictures asked for: means, samples, and between.

Between the posterior mean and a sample the straight line is the best there is (Freirich et al.
2021, arXiv:2107.02555, theorem 3): no other estimate of that likeness to pictures is as near.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..core.step import Step
from .plausible import Weigher


class Restoration:
    """A run of a restoration: iterate it for `Step`s with the pictures wanted in x0_hat.

    Args:
        chains: a stream of n chains; chain i < num_images is sample i.
        num_images: pictures wanted where perception is above 0; otherwise there is one.
        perception: 0 to 1; picture i = mean + perception (sample i - mean).
        first_is_mean: x0_hat of the first step is the posterior mean (denoising); otherwise the
            mean of the chains is taken for it.
        finish: what is done to the pictures at the end.
        crop: the part of the chains' pictures that is wanted.
        weigher: says what each finished chain counts in their mean; None for 1 / n.
        effort: pixels that the network will see in all; 0 where nobody knows.

    Attributes:
        samples: the finished chains [n, C, H, W], None before the end.
        weights: what each counts, [n], None before the end.
    """

    def __init__(
        self,
        chains: Iterator[Step],
        num_images: int,
        perception: float,
        *,
        first_is_mean: bool = False,
        finish: Callable[[Tensor], Tensor] = lambda x: x,
        crop: Callable[[Tensor], Tensor] = lambda x: x,
        weigher: Weigher | None = None,
        effort: int = 0,
    ):
        self.num_images = num_images if perception > 0 else 1
        self.perception, self.first_is_mean, self.finish = perception, first_is_mean, finish
        self.crop, self.weigher, self.effort = crop, weigher, effort
        self.samples: Tensor | None = None
        self.weights: Tensor | None = None
        self._chains, self._first = chains, None

    @torch.inference_mode()
    def __iter__(self) -> Iterator[Step]:
        for step in self._chains:
            if self._first is None and self.first_is_mean:
                self._first = step.x0_hat[:1]
            weights, chains = self._weigh(step), self.crop(step.x0_hat)
            x0_hat, x_t = self._blend(chains, weights), self.crop(step.x_t)[: self.num_images]
            if step.is_last:
                self.samples, self.weights = self.finish(chains), weights
                x0_hat = x_t = self.finish(x0_hat)
            yield dataclasses.replace(
                step,
                x_t=x_t,
                x0_hat=x0_hat,
                num_evaluations=self._evaluations(step),
            )

    def mean(self) -> Tensor | None:
        """The mean of the finished chains [1, C, H, W]; None before the end, or for one chain."""
        if self.samples is None or self.weights is None or len(self.samples) < 2:
            return None
        return weighted_mean(self.samples, self.weights)

    def deviation(self) -> Tensor | None:
        """Their standard deviation over the channels [1, 1, H, W], in [-1, 1] units."""
        if self.samples is None or self.weights is None or len(self.samples) < 2:
            return None
        return weighted_variance(self.samples, self.weights).mean(1, keepdim=True).sqrt()

    def _weigh(self, step: Step) -> Tensor:
        """What the chains of a step count in their mean, [n]."""
        if step.is_last and self._is_weighed(step):
            return self.weigher.weights(step.x0_hat)
        return step.x0_hat.new_full((len(step.x0_hat),), 1 / len(step.x0_hat))

    def _evaluations(self, step: Step) -> int:
        """For each picture that is wanted, up to this step."""
        of_a_chain = step.num_evaluations
        if step.is_last and self._is_weighed(step):
            of_a_chain += self.weigher.num_evaluations
        return of_a_chain * len(step.x0_hat) // self.num_images

    def _is_weighed(self, step: Step) -> bool:
        return self.weigher is not None and len(step.x0_hat) > 1

    def _blend(self, x0_hat: Tensor, weights: Tensor) -> Tensor:
        if self.perception == 1:
            return x0_hat[: self.num_images]
        mean = weighted_mean(x0_hat, weights) if self._first is None else self._first
        return mean + self.perception * (x0_hat[: self.num_images] - mean)


def weighted_mean(x: Tensor, weights: Tensor) -> Tensor:
    """[1, C, H, W] of pictures [n, C, H, W] that count weights [n], which sum to 1."""
    return (weights.view(-1, 1, 1, 1) * x).sum(0, keepdim=True)


def weighted_variance(x: Tensor, weights: Tensor) -> Tensor:
    """The same of their variance, unbiased for equal weights; 0 where one counts for all."""
    spread = weighted_mean((x - weighted_mean(x, weights)) ** 2, weights)
    return spread / (1 - weights.square().sum()).clamp(min=1e-6)
