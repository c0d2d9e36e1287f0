"""Noise that a file could not hold: where it went below black or above white it was cut off.

A noisy picture of 8 bits is y = clip(x_0 + n, -1, 1). Read as x_0 + n it is too bright where it is
dark and too dark where it is bright, and seems to have less noise. Both are mended before any
network sees it, with a guess of x_0 that only the saturated pixels need.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .noise_level import estimate_sigma

BLUR_PX = 1.0
LEVELS = 257  # of the table that E[y | x_0] is inverted with
ROUNDS = 4
CLOSE = 0.01
SEED = 2**41 + 1
# Beyond so many sigmas nothing of a Gaussian is left.
FAR = 8.0
LOG_SQRT_2PI = math.log(2 * math.pi) / 2


def unclip(y: Tensor, sigma: float) -> Tensor:
    """E[x_0 + n | y] for y = clip(x_0 + n, -1, 1): saturated pixels moved out, others untouched.

    With a = (-1 - x_0) / sigma a black pixel is x_0 - sigma phi(a) / Phi(a), the mean of a
    Gaussian below -1; white likewise.

    Args:
        y: [B, C, H, W] in [-1, 1].
        sigma: of the noise, in the same units; 0 gives y.
    """
    return _filled(y, sigma, None)


def with_drawn_tails(y: Tensor, sigma: float) -> Tensor:
    """As `unclip`, but a draw from x_0 + n given y, always the same, instead of its mean."""
    return _filled(y, sigma, torch.Generator().manual_seed(SEED))


def estimate_clipped_sigma(y: Tensor) -> float:
    """`estimate_sigma` of the noise before it was cut off, y [1, C, H, W] in [-1, 1].

    In turn, until they agree: the tails are drawn for the noise level, and the level is estimated
    with the tails.
    """
    sigma = estimate_sigma(y)
    if not bool(_saturated(y).any()):
        return sigma
    for _ in range(ROUNDS):
        before, sigma = sigma, estimate_sigma(with_drawn_tails(y, sigma))
        if abs(sigma - before) <= CLOSE * before:
            break
    return sigma


def _saturated(y: Tensor) -> Tensor:
    return y.abs() >= 1


def _filled(y: Tensor, sigma: float, generator: torch.Generator | None) -> Tensor:
    """y with the expected tails of its noise, or with drawn ones."""
    places = _saturated(y)
    if sigma <= 0 or not bool(places.any()):
        return y
    x0 = _without_bias(_blurred(y)[places], sigma)
    side = y[places].sign()
    a = ((side * x0 - 1) / sigma).clamp(-FAR, FAR)  # white is black, mirrored
    if generator is None:
        tail = -(-a.square() / 2 - LOG_SQRT_2PI - torch.special.log_ndtr(a)).exp()
    else:
        share = torch.rand(a.shape, generator=generator).to(a)
        tail = torch.special.ndtri(share * torch.special.ndtr(a)).clamp(min=-FAR)
    filled = y.clone()
    # Whatever the guess: what was cut off lay beyond, white no darker than white.
    filled[places] = side * (side * x0 - sigma * tail).clamp(min=1)
    return filled


def _blurred(y: Tensor) -> Tensor:
    """Means over 3 x 3 pixels, Gaussian weights."""
    weights = torch.exp(-torch.tensor([-1.0, 0.0, 1.0]).square() / (2 * BLUR_PX**2)).to(y)
    kernel = torch.outer(weights, weights) / weights.sum() ** 2
    padded = F.pad(y, (1, 1, 1, 1), mode="replicate")
    channels = y.shape[1]
    return F.conv2d(padded, kernel.expand(channels, 1, 3, 3), groups=channels)


def _without_bias(mean: Tensor, sigma: float) -> Tensor:
    """x_0 in [-1, 1] whose E[clip(x_0 + n, -1, 1)] is `mean`, from a table."""
    x0 = torch.linspace(-1, 1, LEVELS, dtype=torch.float64)
    low, high = (-1 - x0) / sigma, (1 - x0) / sigma
    below, above = torch.special.ndtr(low), torch.special.ndtr(-high)
    density = ((-low.square() / 2).exp() - (-high.square() / 2).exp()) / math.sqrt(2 * math.pi)
    expected = above - below + x0 * (1 - below - above) + sigma * density
    return between(mean, expected, x0)


def between(x: Tensor, places: Tensor, values: Tensor) -> Tensor:
    """At x of the line through (place, value), places ascending; of its ends beyond them."""
    places, values = places.to(x), values.to(x)
    right = torch.searchsorted(places, x.contiguous()).clamp(1, len(places) - 1)
    left = right - 1
    share = (x - places[left]) / (places[right] - places[left]).clamp(min=1e-12)
    return torch.lerp(values[left], values[right], share.clamp(0, 1))
