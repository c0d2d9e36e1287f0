"""DDIM inversion: from a picture to the noise that DDIM turns back into it.

Song et al. 2020 (arXiv:2010.02502), section 5.4. One DDIM step down is

    x_s = a_s x0(x_t, t) + b_s eps(x_t, t),   a = sqrt(abar), b = sqrt(1 - abar),

and going up means solving this for x_t. Plain inversion uses eps(x_s, t) instead of eps(x_t, t),
one evaluation a step, and is wrong by as much as eps changes over the step. With more evaluations
a step the equation itself is solved (`anderson`; the fixed point is that of AIDI, Pan et al. 2023,
arXiv:2309.04907, and ReNoise, Garibi et al. 2024, arXiv:2403.14602), so that the way back is exact
however few the steps. Clipping x_0 makes a step that cannot be undone, so none is done here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..denoiser import Denoiser
from ..samplers import Step
from .anderson import solve_fixed_point

# Few steps want most of them at little noise, where a step undone by one evaluation errs most.
INVERSION_SPACING = "karras"


@torch.inference_mode()
def invert(
    denoiser: Denoiser,
    x_0: Tensor,
    timesteps: Sequence[float],
    *,
    evaluations_per_step: int = 1,
) -> Iterator[Step]:
    """The way up that `samplers.ddim` at the same timesteps comes down again.

    Yields as many steps as `ddim`, from the picture (index 0, t = -1) to the noise (index
    num_steps, t = timesteps[0]); x0_hat is the estimate that the step up was made with.

    Args:
        denoiser: predicts x_0 and eps; see `denoiser.without_clipping`.
        x_0: pictures in [-1, 1], [B, C, H, W].
        timesteps: descending, as `make_timesteps` gives them.
        evaluations_per_step: 1 is plain DDIM inversion; 3 to 5 solve each step.
    """
    num_steps = len(timesteps)
    x_t, x0_hat = x_0, x_0
    upwards = [-1.0, *reversed(timesteps)]
    for index, t in enumerate(upwards):
        if index > 0:
            step_up = _StepUp(denoiser, x_t, upwards[index - 1], t)
            x_t = solve_fixed_point(step_up, x_t, evaluations_per_step)
            x0_hat = step_up.x0_hat
        yield Step(index, num_steps, t, x_t, x0_hat, index * evaluations_per_step)


class _StepUp:
    """f(x_t) = a_t (x_s - b_s eps) / a_s + b_t eps with eps = eps(x_t, t)."""

    def __init__(self, denoiser: Denoiser, x_s: Tensor, s: float, t: float):
        self.denoiser, self.x_s, self.t, self.x0_hat = denoiser, x_s, t, x_s
        abar_s, abar_t = denoiser.schedule.abar(s), denoiser.schedule.abar(t)
        self.keep = math.sqrt(abar_t / abar_s)
        self.add = math.sqrt(1 - abar_t) - self.keep * math.sqrt(1 - abar_s)

    def __call__(self, x_t: Tensor) -> Tensor:
        prediction = self.denoiser.predict(x_t, self.t)
        self.x0_hat = prediction.x0
        return self.keep * self.x_s + self.add * prediction.eps


@dataclass(frozen=True)
class Reconstruction:
    """How near a picture came back.

    Args:
        mse: mean squared error a value, pictures in [0, 1].
        psnr: -10 log10(mse) in dB; infinite when nothing differs.
    """

    mse: float
    psnr: float


def reconstruction(x_0: Tensor, back: Tensor) -> list[Reconstruction]:
    """The error of each picture of a batch [B, C, H, W] in [-1, 1]; `back` is clipped to that."""
    difference = (back.clamp(-1, 1).double() - x_0.double()) / 2
    errors = difference.square().flatten(1).mean(1).tolist()
    return [
        Reconstruction(error, -10 * math.log10(error) if error > 0 else math.inf)
        for error in errors
    ]
