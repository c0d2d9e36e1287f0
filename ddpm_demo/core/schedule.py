"""The noise schedule: alphas_cumprod and everything that follows from it in closed form.

Covers q(x_t | x_0), q(x_s | x_t, x_0), sigma <-> t and the conversions between eps, x_0 and v.
Does not cover the network (`denoiser`) nor which timesteps to visit (`samplers`).

Notation of Ho et al. 2020 (arXiv:2006.11239): beta_t, alpha_t = 1 - beta_t,
alphas_cumprod (abar_t) = prod alpha_i. A timestep is an int in [0, T - 1]; t = -1 stands for the
clean image (abar = 1). Fractional t is interpolated, see `Schedule.t_from_sigma`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import UserError

BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid")


def make_betas(
    beta_schedule: str, num_train_timesteps: int, beta_start: float, beta_end: float
) -> np.ndarray:
    """The variances beta_t, float64 [T], of the schedules that diffusers' DDPMScheduler knows.

    "squaredcos_cap_v2" is the cosine schedule of Nichol & Dhariwal 2021 (arXiv:2102.09672, eq.
    17), with beta capped at 0.999; it ignores `beta_start` and `beta_end`.

    Raises:
        UserError: the schedule's name is not one of `BETA_SCHEDULES`.
    """
    n = num_train_timesteps
    if beta_schedule == "linear":
        return np.linspace(beta_start, beta_end, n)
    if beta_schedule == "scaled_linear":
        return np.linspace(math.sqrt(beta_start), math.sqrt(beta_end), n) ** 2
    if beta_schedule == "sigmoid":
        return 1 / (1 + np.exp(-np.linspace(-6, 6, n))) * (beta_end - beta_start) + beta_start
    if beta_schedule == "squaredcos_cap_v2":
        abar = np.cos((np.arange(n + 1) / n + 0.008) / 1.008 * np.pi / 2) ** 2
        return np.minimum(1 - abar[1:] / abar[:-1], 0.999)
    raise UserError(
        "beta_schedule_unknown",
        "The beta schedule “{name}” is not known; use one of {known}.",
        name=beta_schedule,
        known=", ".join(BETA_SCHEDULES),
    )


def rescale_zero_snr(betas: np.ndarray) -> np.ndarray:
    """Betas whose last alphas_cumprod is 0 (Lin et al. 2023, arXiv:2305.08891, algorithm 1)."""
    root = np.sqrt(np.cumprod(1 - betas))
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    abar = root**2
    return 1 - np.concatenate([abar[:1], abar[1:] / abar[:-1]])


@dataclass(frozen=True, eq=False)
class Schedule:
    """A variance-preserving noise schedule, in float64.

    Args:
        betas: float64 [T], each in (0, 1].
    """

    betas: Tensor
    alphas_cumprod: Tensor = field(init=False)
    _log_sigma: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        betas = self.betas.double()
        if betas.ndim != 1 or len(betas) < 1 or not bool(((betas > 0) & (betas <= 1)).all()):
            raise UserError(
                "betas_invalid",
                "The noise schedule's betas must be numbers above 0 and at most 1.",
            )
        abar = torch.cumprod(1 - betas, dim=0)
        object.__setattr__(self, "betas", betas)
        object.__setattr__(self, "alphas_cumprod", abar)
        # With zero terminal SNR sigma is infinite at the end; a huge finite one keeps interp sane.
        abar_np = np.maximum(abar.numpy(), 1e-20)
        log_sigma = 0.5 * (np.log1p(-abar_np) - np.log(abar_np))
        object.__setattr__(self, "_log_sigma", log_sigma)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Schedule:
        """The schedule of a `scheduler_config.json` of diffusers (keys may be absent).

        Raises:
            UserError: unknown beta schedule or betas out of range.
        """
        betas = config.get("trained_betas")
        if betas is None:
            betas = make_betas(
                config.get("beta_schedule", "linear"),
                int(config.get("num_train_timesteps", 1000)),
                float(config.get("beta_start", 1e-4)),
                float(config.get("beta_end", 0.02)),
            )
        betas = np.asarray(betas, dtype=np.float64)
        if config.get("rescale_betas_zero_snr", False):
            betas = rescale_zero_snr(betas)
        return cls(torch.from_numpy(betas))

    @property
    def num_timesteps(self) -> int:
        """T."""
        return len(self.betas)

    def abar(self, t: float) -> float:
        """alphas_cumprod at t in [-1, T - 1]; 1 at t = -1. Fractional t goes through log sigma."""
        if t <= -1:
            return 1.0
        if float(t).is_integer():
            return float(self.alphas_cumprod[int(t)])
        if t < 0:  # between the clean image and t = 0
            return 1.0 + (t + 1) * (self.abar(0) - 1.0)
        log_sigma = np.interp(t, np.arange(self.num_timesteps), self._log_sigma)
        return float(1 / (1 + np.exp(2 * log_sigma)))

    def sigma(self, t: float) -> float:
        """Noise level of x_t / sqrt(abar_t), in [-1, 1] units: sqrt((1 - abar_t) / abar_t)."""
        abar = self.abar(t)
        return math.sqrt((1 - abar) / abar) if abar > 0 else math.inf

    def is_like(self, other: Schedule) -> bool:
        """Whether a timestep means the same in both, but for what rounding in files leaves."""
        ours, theirs = self.alphas_cumprod, other.alphas_cumprod.to(self.alphas_cumprod)
        return ours.shape == theirs.shape and torch.allclose(ours, theirs)

    def snr(self, t: float) -> float:
        """Signal-to-noise ratio abar_t / (1 - abar_t); infinite at t = -1."""
        abar = self.abar(t)
        return abar / (1 - abar) if abar < 1 else math.inf

    def t_from_sigma(self, sigma: float) -> float:
        """The fractional t whose `sigma(t)` is the given one, clamped to [0, T - 1]."""
        if sigma <= 0:
            return 0.0
        return float(np.interp(math.log(sigma), self._log_sigma, np.arange(self.num_timesteps)))

    def q_sample(self, x_0: Tensor, t: float, noise: Tensor) -> Tensor:
        """x_t ~ q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I), Ho et al. 2020, eq. 4."""
        abar = self.abar(t)
        return math.sqrt(abar) * x_0 + math.sqrt(1 - abar) * noise

    def posterior_coefficients(self, t: float, s: float) -> tuple[float, float, float]:
        """(c_0, c_t, variance) of q(x_s | x_t, x_0) = N(c_0 x_0 + c_t x_t, variance I), s < t.

        Ho et al. 2020, eq. 6 and 7, for any earlier s and not only t - 1.
        """
        abar_t, abar_s = self.abar(t), self.abar(s)
        alpha = abar_t / abar_s
        c_0 = math.sqrt(abar_s) * (1 - alpha) / (1 - abar_t)
        c_t = math.sqrt(alpha) * (1 - abar_s) / (1 - abar_t)
        return c_0, c_t, (1 - abar_s) / (1 - abar_t) * (1 - alpha)

    # Conversions. x_t = a x_0 + b eps and v = a eps - b x_0 (Salimans & Ho 2022, arXiv:2202.00512,
    # appendix D), with a = sqrt(abar_t), b = sqrt(1 - abar_t).

    def x0_from_eps(self, x_t: Tensor, eps: Tensor, t: float) -> Tensor:
        abar = self.abar(t)
        # The guard is for zero terminal SNR, where x_t holds nothing of x_0.
        return (x_t - math.sqrt(1 - abar) * eps) / math.sqrt(max(abar, 1e-20))

    def eps_from_x0(self, x_t: Tensor, x_0: Tensor, t: float) -> Tensor:
        abar = self.abar(t)
        return (x_t - math.sqrt(abar) * x_0) / math.sqrt(max(1 - abar, 1e-20))

    def x0_from_v(self, x_t: Tensor, v: Tensor, t: float) -> Tensor:
        abar = self.abar(t)
        return math.sqrt(abar) * x_t - math.sqrt(1 - abar) * v

    def x0_from_output(
        self, x_t: Tensor, output: Tensor, t: float, prediction_type: str
    ) -> Tensor:
        """x_0 of what a network says that predicts "epsilon", "sample" (x_0) or "v_prediction"."""
        if prediction_type == "v_prediction":
            return self.x0_from_v(x_t, output, t)
        return self.x0_from_eps(x_t, output, t) if prediction_type == "epsilon" else output

    def eps_from_v(self, x_t: Tensor, v: Tensor, t: float) -> Tensor:
        abar = self.abar(t)
        return math.sqrt(1 - abar) * x_t + math.sqrt(abar) * v

    def v_from_x0_eps(self, x_0: Tensor, eps: Tensor, t: float) -> Tensor:
        abar = self.abar(t)
        return math.sqrt(abar) * eps - math.sqrt(1 - abar) * x_0
