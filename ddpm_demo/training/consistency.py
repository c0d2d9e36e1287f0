"""Distillation into one to four evaluations: the same clean picture from all along a path.

Easy Consistency Tuning (Geng et al. 2024, arXiv:2406.14548) starts from a diffusion model f, whose
x_0 estimate at the noise level sigma is drawn to its own estimate, without gradient, at a lower
level rho < sigma of the same picture. The gap between them shrinks as training goes on: with
rho = 0 this is training a denoiser, with rho -> sigma it makes f constant along the path, and then
one evaluation goes from noise to a picture.

The lower point is made of the same picture and the same noise ("data", as in the paper), or by one
DDIM step of the teacher from the upper one ("teacher", consistency distillation, Song et al. 2023,
arXiv:2303.01469, algorithm 2), which costs an evaluation more, and whose target has no noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.schedule import Schedule
from .objective import Others, Predict

PATHS = ("data", "teacher")
# Noise levels in [-1, 1] units: log-normal, from where sampling starts down to where an ordinary
# network's estimate is as good as clean: below it, one would learn the grain that chains end with.
SIGMA_MAX = 80.0
SIGMA_MIN = 0.09
LOG_SIGMA_MEAN = 0.5
LOG_SIGMA_STD = 1.8
# The gap at little noise is up to 1 + NEAR / 2 times that at much (eq. 13 of the paper, k and b).
NEAR, NEAR_RATE = 8.0, 1.0
# Of the norm of the error, so that it has a gradient at 0: about one 8-bit level.
SOFTNESS = 0.01


class ConsistencyObjective:
    """The loss of a step, in place of `objective.Objective`.

    Args:
        schedule: of the teacher, whose weights the network starts from.
        prediction_type: "v_prediction", "epsilon" or "sample".
        halving_steps: the gap (sigma - rho) / sigma begins at 1/2 and is halved every so many.
        min_gap: where it stays.
        device: where batches live.
        teacher: output of the teacher's network for (x_t, t); None for the path "data".
    """

    def __init__(
        self,
        schedule: Schedule,
        prediction_type: str,
        halving_steps: int,
        min_gap: float,
        device: torch.device | str = "cpu",
        teacher: Predict | None = None,
    ):
        self.schedule = schedule
        self.prediction_type = prediction_type
        self.halving_steps = halving_steps
        self.min_gap = min_gap
        self.device = device
        self.teacher = teacher
        self.sigma_max = min(SIGMA_MAX, schedule.sigma(schedule.num_timesteps - 1))
        self.sigma_min = max(min(SIGMA_MIN, self.sigma_max / 2), schedule.sigma(0))

    def others(self) -> Others:
        """Nothing is trained beside the network."""
        return {}

    def gap(self, step: int) -> float:
        """(sigma - rho) / sigma of step `step`, from 1/2 down to `min_gap`, at much noise.

        With a teacher it is `min_gap` from the start: its steps are right at any.
        """
        if self.teacher is not None:
            return self.min_gap
        return max(self.min_gap, 0.5 ** (1 + step // self.halving_steps))

    def sigmas(self, t: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """(sigma, rho), float64 [B], of int64 t [B]: the quantiles (t + 1/2) / T of sigma.

        A rho of 0 stands for the clean picture.
        """
        ends = torch.tensor([self.sigma_min, self.sigma_max], dtype=torch.float64).log()
        low, high = torch.special.ndtr((ends - LOG_SIGMA_MEAN) / LOG_SIGMA_STD)
        places = low + (high - low) * (t.cpu().double() + 0.5) / self.schedule.num_timesteps
        sigma = (LOG_SIGMA_MEAN + LOG_SIGMA_STD * torch.special.ndtri(places)).exp()
        gap = torch.full_like(sigma, self.gap(step))
        if self.teacher is None:
            gap = gap * (1 + NEAR * torch.sigmoid(-NEAR_RATE * sigma))
        rho = sigma * (1 - gap)
        return sigma, torch.where(rho > self.sigma_min, rho, torch.zeros_like(rho))

    def batch_loss(
        self, predict: Predict, x_0: Tensor, t: Tensor, noise: Tensor, step: int
    ) -> Tensor:
        """The mean over the batch of |f(x_sigma) - f(x_rho)| / gap, weighted as v is, a scalar.

        Args: as for `objective.StepLoss`; t says which quantile of the noise levels, the step sets
            the gap.
        """
        return self.estimated(predict, x_0, t, noise, step)[1]

    def estimated(
        self, predict: Predict, x_0: Tensor, t: Tensor, noise: Tensor, step: int
    ) -> tuple[Tensor, Tensor]:
        """(f(x_sigma) [B, C, H, W], the loss) of a step; see `batch_loss`."""
        sigma, rho = self.sigmas(t, step)
        a, b = self.scales(sigma)
        x_sigma = a * x_0 + b * noise
        t_sigma = self.timesteps(sigma)
        estimate = self._x0(predict(x_sigma, t_sigma), x_sigma, a, b)
        with torch.no_grad():
            target = self._target(predict, x_0, noise, x_sigma, t_sigma, sigma, rho)
        error = (estimate - target).square().mean(dim=(1, 2, 3))
        distance = (error + SOFTNESS**2).sqrt() - SOFTNESS
        # The paper's 1 / (sigma - rho), times a: one over the gap in terms of v.
        weight = (1 + sigma.square()).sqrt() / (sigma - rho)
        return estimate, (weight.float().to(self.device) * distance).mean()

    def _target(
        self,
        predict: Predict,
        x_0: Tensor,
        noise: Tensor,
        x_sigma: Tensor,
        t_sigma: Tensor,
        sigma: Tensor,
        rho: Tensor,
    ) -> Tensor:
        a, b = self.scales(rho)
        if self.teacher is not None:
            above = self.scales(sigma)
            x_0 = self._x0(self.teacher(x_sigma, t_sigma), x_sigma, *above).clamp(-1, 1)
            noise = (x_sigma - above[0] * x_0) / above[1]
        x_rho = a * x_0 + b * noise
        estimate = self._x0(predict(x_rho, self.timesteps(rho)), x_rho, a, b).clamp(-1, 1)
        clean = (rho == 0).to(self.device).view(-1, 1, 1, 1)
        return torch.where(clean, x_0, estimate)

    def scales(self, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """(a, b) of x_t = a x_0 + b noise, [B, 1, 1, 1], at noise levels float64 [B]."""
        a = 1 / (1 + sigma.square()).sqrt()
        shape = (-1, 1, 1, 1)
        return a.float().to(self.device).view(shape), (sigma * a).float().to(self.device).view(
            shape
        )

    def timesteps(self, sigma: Tensor) -> Tensor:
        """t [B] of noise levels float64 [B]."""
        times = [self.schedule.t_from_sigma(float(s)) for s in sigma]
        return torch.tensor(times, dtype=torch.float32, device=self.device)

    def _x0(self, output: Tensor, x_t: Tensor, a: Tensor, b: Tensor) -> Tensor:
        output = output.float()
        if self.prediction_type == "epsilon":
            return (x_t - b * output) / a
        if self.prediction_type == "sample":
            return output
        return a * x_t - b * output
