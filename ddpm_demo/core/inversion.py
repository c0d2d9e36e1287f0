"""DDIM inversion: from a picture to the noise that DDIM turns back into it.

Song et al. 2020 (arXiv:2010.02502), section 5.4. One DDIM step down is

    x_s = a_s x0(x_t, t) + b_s eps(x_t, t),   a = sqrt(abar), b = sqrt(1 - abar),

and going up means solving this for x_t. Plain inversion takes eps(x_s, t) for eps(x_t, t) and is
wrong by as much as eps changes over the step. Here the equation itself is solved, by iterating

    x_t <- a_t (x_s - b_s eps(x_t, t)) / a_s + b_t eps(x_t, t)

(the fixed point of AIDI, Pan et al. 2023, arXiv:2309.04907, and ReNoise, Garibi et al. 2024,
arXiv:2403.14602) with Anderson acceleration, from a first guess made with the eps of the step
before, which costs nothing; easy steps stop after one evaluation. So the way back is exact however
few the steps. Clipping x_0 makes a step that cannot be undone: give a denoiser without it. Half
precision does so, too: the network works in float32 here, and must on the way back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .anderson import solve_fixed_point
from .denoiser import Denoiser, use
from .step import Step

# Few steps want most of them at little noise, where pictures have their detail.
INVERSION_SPACING = "karras"
# Mean squared residual of a step in units of x_t: far below the 8-bit rounding of a picture.
TOLERANCE = 1e-6
MAX_EVALUATIONS = 12


@torch.inference_mode()
def invert(
    denoiser: Denoiser,
    x_0: Tensor,
    timesteps: Sequence[float],
    *,
    max_evaluations: int = MAX_EVALUATIONS,
    plain: bool = False,
) -> Iterator[Step]:
    """The way up that `samplers.ddim` at the same timesteps comes down again.

    Yields as many steps as `ddim`, from the picture (index 0, t = -1) to the noise (index
    num_steps, t = timesteps[0]); x0_hat is the estimate that the step up was made with.

    Args:
        denoiser: predicts x_0 and eps; see `denoiser.without_clipping`.
        x_0: pictures in [-1, 1], [B, C, H, W].
        timesteps: descending, as `make_timesteps` gives them.
        max_evaluations: a step, at least 1; fewer are used where the picture needs fewer.
        plain: one evaluation a step, with eps(x_s, t), as in the paper; for comparison.
    """
    denoiser = use(denoiser, "float32")
    num_steps, evaluations = len(timesteps), 0
    x_t, x0_hat, eps = x_0, x_0, None
    upwards = [-1.0, *reversed(timesteps)]
    for index, t in enumerate(upwards):
        if index > 0:
            step_up = _StepUp(denoiser, x_t, upwards[index - 1], t)
            guess = x_t if eps is None or plain else step_up.with_eps(eps)
            x_t = solve_fixed_point(step_up, guess, 1 if plain else max_evaluations, TOLERANCE)
            eps, x0_hat = step_up.eps_of(x_t), step_up.x0_hat
            evaluations += step_up.num_evaluations
        yield Step(index, num_steps, t, x_t, x0_hat, evaluations)


class _StepUp:
    """f(x_t) = a_t (x_s - b_s eps) / a_s + b_t eps with eps = eps(x_t, t)."""

    def __init__(self, denoiser: Denoiser, x_s: Tensor, s: float, t: float):
        self.denoiser, self.x_s, self.t = denoiser, x_s, t
        self.x0_hat, self.num_evaluations = x_s, 0
        abar_s, abar_t = denoiser.schedule.abar(s), denoiser.schedule.abar(t)
        self.keep = math.sqrt(abar_t / abar_s)
        self.add = math.sqrt(1 - abar_t) - self.keep * math.sqrt(1 - abar_s)

    def __call__(self, x_t: Tensor) -> Tensor:
        prediction = self.denoiser.predict(x_t, self.t)
        self.num_evaluations += 1
        self.x0_hat = prediction.x0
        return self.with_eps(prediction.eps)

    def with_eps(self, eps: Tensor) -> Tensor:
        """x_t for a given eps."""
        return self.keep * self.x_s + self.add * eps

    def eps_of(self, x_t: Tensor) -> Tensor:
        """The eps that gives x_t."""
        return (x_t - self.keep * self.x_s) / self.add


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
    return [Reconstruction(error, psnr_of(error)) for error in errors]


def psnr_of(mse: float) -> float:
    """The PSNR in dB of a mean squared error of pictures in [0, 1]; infinite for 0."""
    return -10 * math.log10(mse) if mse > 0 else math.inf
