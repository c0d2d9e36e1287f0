"""The forward process: from a picture to noise, in one jump and step by step.

Ho et al. 2020 (arXiv:2006.11239), section 2: the chain q(x_t | x_{t-1}) of eq. 2 and its closed
form q(x_t | x_0) of eq. 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.noise import NoiseSource
from ..core.schedule import Schedule
from ..errors import UserError


def strip_timesteps(num_timesteps: int, num_pictures: int) -> list[int]:
    """Timesteps of a strip, evenly spread from the clean picture (-1) to T - 1.

    Raises:
        UserError: fewer than two pictures or more than there are states.
    """
    if not 2 <= num_pictures <= num_timesteps + 1:
        raise UserError(
            "strip_range",
            "A strip must have between {low} and {high} pictures, not {value}.",
            field="num_pictures",
            low=2,
            high=num_timesteps + 1,
            value=num_pictures,
        )
    return [round(k * num_timesteps / (num_pictures - 1)) - 1 for k in range(num_pictures)]


def markov_chain(schedule: Schedule, x_0: Tensor, noise: NoiseSource) -> Iterator[Tensor]:
    """x_t at t = 0, 1, ... T - 1: x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) z, eq. 2.

    Args:
        schedule: the betas.
        x_0: [B, ...].
        noise: a source for B images; a new draw every step.
    """
    x_t = x_0
    for beta in schedule.betas.tolist():
        x_t = math.sqrt(1 - beta) * x_t + math.sqrt(beta) * noise.randn(x_0.shape[1:])
        yield x_t


@dataclass(frozen=True)
class Agreement:
    """Mean and standard deviation of one value's x_t, three ways.

    Args:
        t: the timestep.
        mean, std: by the closed form, exactly.
        closed_mean, closed_std: of draws from the closed form.
        chain_mean, chain_std: of draws from the chain, step by step.
        num_draws: of each; the means are uncertain by std / sqrt(num_draws).
    """

    t: int
    mean: float
    std: float
    closed_mean: float
    closed_std: float
    chain_mean: float
    chain_std: float
    num_draws: int


def closed_form_and_chain(
    schedule: Schedule, x_0: float, timesteps: list[int], num_draws: int = 10_000, seed: int = 0
) -> list[Agreement]:
    """Draws of x_t for one value x_0 from the closed form and from the chain, float64.

    Args:
        schedule: any.
        x_0: in [-1, 1].
        timesteps: where to compare, each 0 to T - 1.
        num_draws: of each kind.
        seed: of the chain; the closed form uses the next one.
    """
    start = torch.full((1, num_draws), x_0, dtype=torch.float64)
    closed_noise = NoiseSource([seed + 1], dtype=torch.float64)
    found = []
    chain = markov_chain(schedule, start, NoiseSource([seed], dtype=torch.float64))
    for t, x_t in enumerate(chain):
        if t not in timesteps:
            continue
        closed = schedule.q_sample(start, t, closed_noise.randn((num_draws,)))
        abar = schedule.abar(t)
        mean, std = math.sqrt(abar) * x_0, math.sqrt(1 - abar)
        drawn = [float(f) for f in (closed.mean(), closed.std(), x_t.mean(), x_t.std())]
        found.append(Agreement(t, mean, std, *drawn, num_draws))
    return found


@dataclass(frozen=True)
class Curves:
    """The schedule over t = 0 to T - 1, each float64 [T].

    Args:
        t, beta, alphas_cumprod: as named.
        snr: abar_t / (1 - abar_t).
    """

    t: np.ndarray
    beta: np.ndarray
    alphas_cumprod: np.ndarray
    snr: np.ndarray


def schedule_curves(schedule: Schedule) -> Curves:
    """What the schedule looks like; snr spans many powers of ten."""
    abar = schedule.alphas_cumprod.numpy()
    return Curves(
        np.arange(schedule.num_timesteps), schedule.betas.numpy(), abar, abar / (1 - abar)
    )


@dataclass(frozen=True)
class Histogram:
    """Values of a picture against the standard normal, densities that integrate to 1.

    Args:
        centres: of the bins, [N]; values beyond the outer ones are counted in them.
        density: of the values.
        normal: exp(-x^2 / 2) / sqrt(2 pi) at the centres.
    """

    centres: np.ndarray
    density: np.ndarray
    normal: np.ndarray


def value_histogram(x_t: Tensor, num_bins: int = 61, limit: float = 4.0) -> Histogram:
    """The histogram of all values of x_t over [-limit, limit]."""
    edges = np.linspace(-limit, limit, num_bins + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    values = x_t.detach().double().cpu().flatten().clamp(edges[0], edges[-1]).numpy()
    density, _ = np.histogram(values, edges, density=True)
    return Histogram(centres, density, np.exp(-(centres**2) / 2) / math.sqrt(2 * math.pi))
