"""Autoguidance: a network steered away from a weaker version of itself (Karras et al. 2024,
arXiv:2406.02507).

Both err in the same directions, the weaker one further: what they differ by says where the better
one should have gone. Unlike a truncation it takes little variety away, and it needs no classes.

That holds where the weaker one is of the same kind, only worse. At little noise one that has
learned for a sixteenth of the time is off by several times as much, in all directions, and to go
away from it adds errors; so only noise above a level is guided (Kynkäänniemi et al. 2024,
arXiv:2404.07724), which costs less, too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import UserError
from . import progress
from .denoiser import Prediction, UNetDenoiser, without_clipping


class AutoguidedDenoiser:
    """x0 = x0_weak + strength (x0_strong - x0_weak), the paper's D_w with w = strength.

    Args:
        strong: the network to sample from.
        weak: one of the same pictures and schedule that has learned less or is smaller.
        strength: w, at least 1, where only `strong` counts.
        min_sigma: the noise level from which on `weak` is asked.

    Raises:
        UserError: the two have other channels or another schedule.
    """

    def __init__(
        self, strong: UNetDenoiser, weak: UNetDenoiser, strength: float, min_sigma: float = 0.0
    ):
        if not strong.schedule.is_like(weak.schedule) or strong.channels != weak.channels:
            raise UserError(
                "guide_mismatch",
                "The weaker version in this checkpoint's folder has another noise schedule or "
                "other channels than the checkpoint itself; set the guidance to 1.",
                field="guidance",
            )
        self.schedule = strong.schedule
        self.clip_range = strong.clip_range
        self.strength, self.min_sigma = strength, min_sigma
        self.unguided = strong
        # What is clipped is the sum: a difference of clipped estimates says too little.
        self.strong, self.weak = without_clipping(strong), without_clipping(weak)

    def predict(self, x_t: Tensor, t: float) -> Prediction:
        """The estimate at timestep t for x_t [B, C, H, W]; two evaluations where it is guided."""
        if self.schedule.sigma(t) < self.min_sigma:
            return self.unguided.predict(x_t, t)
        count = len(x_t)
        with progress.current().evaluation(2 * count) as done:
            strong = self.strong.predict(x_t, t).x0
            done(count)
            weak = self.weak.predict(x_t, t).x0
            done(count)
        x0 = torch.lerp(weak, strong, self.strength)
        if self.clip_range is not None:
            x0 = x0.clamp(-self.clip_range, self.clip_range)
        return Prediction(x0, self.schedule.eps_from_x0(x_t, x0, t))
