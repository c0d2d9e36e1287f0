"""Bits per dimension: how short a lossless code of held-out pictures the checkpoint could be.

An upper bound, the variational one (`process.vlb`), in bits for each pixel and channel. The whole
sum takes T evaluations a picture; with fewer, one timestep is drawn from each of that many strata
and counted for the whole stratum, which leaves the estimate unbiased. Strata are narrow where
there is little noise, since most of the bits are there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.noise import NoiseSource
from ..errors import UserError
from ..process.vlb import BoundTerm, bound_terms, prior_term

STRATA_POWER = 2.0


@dataclass(frozen=True)
class BitsPerDimension:
    """The bound and its parts, all in bits per dimension, means over the pictures.

    Args:
        total: prior + transitions + decoder.
        standard_error: of `total`, from the spread between pictures; nan for a single one.
        prior: of the noisiest state.
        transitions: the sum of the KL terms of t = 1 to T - 1.
        decoder: the term of t = 0.
        t: timesteps visited, ascending, 0 among them.
        terms: the term of each t, of one timestep alone and not of its stratum.
        num_images: pictures.
    """

    total: float
    standard_error: float
    prior: float
    transitions: float
    decoder: float
    t: tuple[int, ...]
    terms: tuple[float, ...]
    num_images: int


def stratified_timesteps(
    num_timesteps: int, count: int | None = None, seed: int = 0
) -> list[tuple[int, int]]:
    """(t, weight) of the timesteps to visit: 0, and one from each stratum of 1 to T - 1.

    Args:
        num_timesteps: T.
        count: evaluations a picture, 2 to T; None for all T.
        seed: of the draws.

    Raises:
        UserError: count out of range.
    """
    count = num_timesteps if count is None else count
    if not 2 <= count <= num_timesteps:
        raise UserError(
            "bits_timesteps_range",
            "Bits per dimension need between {low} and {high} timesteps, not {value}.",
            field="num_timesteps",
            low=2,
            high=num_timesteps,
            value=count,
        )
    edges = [1]
    for k in range(1, count):
        left = count - 1 - k  # strata still to come, each with a timestep at least
        wanted = 1 + round((num_timesteps - 1) * (k / (count - 1)) ** STRATA_POWER)
        edges.append(min(max(wanted, edges[-1] + 1), num_timesteps - left))
    generator = torch.Generator().manual_seed(seed)
    chosen = [(0, 1)]
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        t = int(torch.randint(low, high, (), generator=generator))
        chosen.append((t, high - low))
    return chosen


def bits_per_dimension(
    denoiser: Denoiser,
    x_0: Tensor,
    noise: NoiseSource,
    *,
    num_timesteps: int | None = None,
    variance: str = "fixed_small",
    on_term: Callable[[int, int], None] | None = None,
) -> BitsPerDimension:
    """The bound on the pictures x_0.

    Args:
        denoiser: the checkpoint's; clipping x_0 to the range of pictures tightens the bound.
        x_0: 8-bit pictures scaled to [-1, 1], [B, C, H, W].
        noise: a source for B images; the timesteps are drawn by its first seed.
        num_timesteps: evaluations a picture, 2 to T; None for all T.
        variance: one of `process.vlb.VARIANCES`: the one that the checkpoint samples with.
        on_term: told (timesteps done, timesteps in all).

    Raises:
        UserError: too few or too many timesteps, unknown variance.
    """
    num_all = denoiser.schedule.num_timesteps
    chosen = stratified_timesteps(num_all, num_timesteps, noise.seeds[0])
    terms = []
    stream = bound_terms(denoiser, x_0, [t for t, _ in chosen], noise, variance)
    for term in stream:
        terms.append(term)
        if on_term is not None:
            on_term(len(terms), len(chosen))
    weights = [weight for _, weight in chosen]
    return summarise(terms, weights, prior_term(denoiser.schedule, x_0), x_0[0].numel())


def summarise(
    terms: Iterable[BoundTerm], weights: Iterable[int], prior: Tensor, num_dims: int
) -> BitsPerDimension:
    """The bound from its terms, each counted `weight` times, and the prior's [B]; in nats."""
    scale = 1 / (num_dims * math.log(2))
    pairs = list(zip(terms, weights, strict=True))
    decoder = sum((term.nats for term, _ in pairs if term.t == 0), torch.zeros_like(prior))
    transitions = sum(
        (weight * term.nats for term, weight in pairs if term.t > 0), torch.zeros_like(prior)
    )
    per_image = (prior + transitions + decoder) * scale
    error = float(per_image.std() / math.sqrt(len(per_image))) if len(per_image) > 1 else math.nan
    return BitsPerDimension(
        total=float(per_image.mean()),
        standard_error=error,
        prior=float(prior.mean()) * scale,
        transitions=float(transitions.mean()) * scale,
        decoder=float(decoder.mean()) * scale,
        t=tuple(term.t for term, _ in pairs),
        terms=tuple(float(term.nats.mean()) * scale for term, _ in pairs),
        num_images=len(per_image),
    )
