"""`Step`: the one thing that every sampler and task yields."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Step:
    """One state of the reverse process.

    The live preview, the animation, the progress bar, cancel, the command line and the tests all
    consume a stream of these: `num_steps + 1` of them, from pure noise (index 0) to the picture
    (index num_steps, where t is -1 and x0_hat is x_t).

    Args:
        index: steps completed before this state, 0 to num_steps.
        num_steps: steps in the whole run.
        t: the timestep that x_t belongs to, T - 1 down to 0; -1 for the finished picture.
        x_t: the state, [B, C, H, W].
        x0_hat: the estimate E[x_0 | x_t] made from it, [B, C, H, W].
        num_evaluations: U-Net evaluations a picture so far.
    """

    index: int
    num_steps: int
    t: float
    x_t: Tensor
    x0_hat: Tensor
    num_evaluations: int

    @property
    def is_last(self) -> bool:
        return self.index == self.num_steps
