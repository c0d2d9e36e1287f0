"""Noise levels of a batch, one a picture: how x_t is made at them, and their timesteps."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.schedule import Schedule


def scales(sigma: Tensor, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """(a, b) of x_t = a x_0 + b noise, float32 [B, 1, 1, 1], at noise levels float64 [B]."""
    a = 1 / (1 + sigma.square()).sqrt()
    shape = (-1, 1, 1, 1)
    return a.float().to(device).view(shape), (sigma * a).float().to(device).view(shape)


def timesteps(schedule: Schedule, sigma: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """t, float32 [B], of noise levels float64 [B]."""
    times = [schedule.t_from_sigma(float(s)) for s in sigma]
    return torch.tensor(times, dtype=torch.float32, device=device)
