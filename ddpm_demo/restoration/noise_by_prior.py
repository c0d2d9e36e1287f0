"""How noisy a picture is, asked of a prior that knows what is in it.

Estimates from pixels take fine texture for noise, of which a small picture of a thing has much. A
prior of such things knows the texture: with p_sigma the density of x_0 + sigma n, and D its mean
E[x_0 | x_0 + sigma n = y], the heat equation and Tweedie's formula give

    d log p_sigma(y) / d ln sigma = |y - D|^2 / sigma^2 - (N - div D),

so that the likeliest level is where what D takes away is as much as the noise would be that is
left to take (N numbers less the div D that the picture fills; Stein 1981, SURE, has the same
divergence). Hutchinson's estimate of it is one backward pass.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.denoiser import Denoiser, use
from .drawn import LEVELS
from .noise_model import NoiseModel
from .noisy import Noisy
from .saturation import unclip, with_drawn_tails

# The levels asked for, from the least that the network knows: each so many times the one before.
RATIO = 1.6
SEED = 2**41 + 2
# Noise that is not white, or not the same everywhere, is not what is asked for here: of such a
# one so much less is found (faces, blurred noise and noise under JPEG 85: .7 to 1), and it is not
# believed only where still less is.
MUCH_LESS = 0.6
# Where the expected tails leave so much of what was found, they bear it out.
AGREED = 0.85
# By which the light half of a picture and the dark one may differ under noise that is the same.
UNEQUAL = 1.5


def believed(found: Noisy, denoiser: Denoiser, y: Tensor, min_sigma_255: float) -> Noisy:
    """What was found in a picture of one of the prior's things, so far as the prior bears it out.

    Never more noise than was found: what is no thing of the prior's is noise to it.

    Args:
        found: from the picture's pixels.
        denoiser: differentiable; at y's size.
        y: [1, C, H, W] in [-1, 1].
        min_sigma_255: less noise than this is not believed.
    """
    is_copied = found.is_copied and found.channels > 1
    if found.is_nothing or found.compression is not None or is_copied:
        return found
    most = found.model.sigma
    if most <= denoiser.schedule.sigma(0):
        return found
    # In half precision the network errs as much as the least level.
    sigma = likeliest_sigma(use(denoiser, "float32"), y, most, found.is_clipped)
    is_white = found.model.is_white and found.model.curve is None
    if sigma >= most * (1.0 if is_white else MUCH_LESS):
        return found
    return dataclasses.replace(
        found,
        model=NoiseModel.white(sigma, len(found.model.power)),
        mosaic=None,
        is_nothing=sigma == 0,
        sigma_255=max(sigma * LEVELS, min_sigma_255),
    )


def likeliest_sigma(denoiser: Denoiser, y: Tensor, most: float, is_clipped: bool = True) -> float:
    """argmax of log p_sigma(y) over sigma up to `most`, in [-1, 1] units; 0 for no noise.

    Noise that a file cut off at black and white is asked for twice. Drawn again for each level,
    it is as likely at any, so that a thing on a black ground would be noisy at will; the expected
    tails vary less than noise and tell whether there is any, but not how much. Where the light and
    the dark half have much the same, it is that of both, else the stronger.

    Args:
        denoiser: differentiable.
        y: [1, C, H, W].
        most: above the least level of the schedule.
        is_clipped: a file cut the noise off.
    """
    groups = _groups(y)
    expected = unclip if is_clipped else _as_it_is
    least = _argmax(denoiser, y, most, expected, groups[:1])[0]
    if least == 0 or least >= AGREED * most:
        return most if least else 0.0
    drawn = with_drawn_tails if is_clipped else _as_it_is
    both, *each = _argmax(denoiser, y, most, drawn, groups)
    return both if max(each) <= UNEQUAL * min(each) else max(each)


def _as_it_is(y: Tensor, sigma: float) -> Tensor:
    return y


def _groups(y: Tensor) -> Tensor:
    """All pixels, the light ones, the dark ones, [3, 1, C, H, W] of 0 and 1."""
    light = F.avg_pool2d(y, 3, 1, 1, count_include_pad=False).mean(1, keepdim=True)
    light = (light > light.mean()).to(y).expand(y.shape)
    return torch.stack([torch.ones_like(y), light, 1 - light])


def _argmax(
    denoiser: Denoiser,
    y: Tensor,
    most: float,
    tails: Callable[[Tensor, float], Tensor],
    groups: Tensor,
) -> list[float]:
    """For each group of pixels the level at which the integral of its slope over ln sigma, by
    trapezoids, is largest: where the slope falls through 0, between two levels on a line.

    Args:
        tails: as `unclip`.
        groups: as `_groups`.
    """
    least = denoiser.schedule.sigma(0)
    count = max(2, math.ceil(math.log(most / least) / math.log(RATIO)) + 1)
    logs = torch.linspace(math.log(least), math.log(most), count).double()
    each = [slopes(denoiser, tails(y, s), s) for s in logs.exp().tolist()]
    by_group = torch.stack([(groups * one).flatten(1).sum(1).double().cpu() for one in each], 1)
    return [_top(logs, of_group, most) for of_group in by_group]


def _top(logs: Tensor, slopes: Tensor, most: float) -> float:
    rises = (slopes[1:] + slopes[:-1]) / 2 * logs.diff()
    best = int(torch.cat([rises.new_zeros(1), rises.cumsum(0)]).argmax())
    if best == 0:
        return 0.0
    if best == len(logs) - 1 and slopes[best] > 0:
        return most
    low = best if slopes[best] > 0 else best - 1
    share = float(slopes[low] / (slopes[low] - slopes[low + 1]))
    return math.exp(float(logs[low].lerp(logs[low + 1], share)))


def slopes(denoiser: Denoiser, y: Tensor, sigma: float) -> Tensor:
    """What each number of y [1, C, H, W] has in d log p_sigma(y) / d ln sigma, with one draw of
    Hutchinson's estimate."""
    t = denoiser.schedule.t_from_sigma(sigma)
    scale = denoiser.schedule.abar(t) ** 0.5
    generator = torch.Generator().manual_seed(SEED)
    signs = (torch.randint(0, 2, y.shape, generator=generator) * 2 - 1).to(y)
    with torch.inference_mode(False), torch.enable_grad():  # as in `guided`
        z = y.clone().requires_grad_()
        x0 = denoiser.predict(scale * z, t).x0
        (product,) = torch.autograd.grad(x0, z, signs.clone())
    return (y - x0.detach()).square() / sigma**2 - (1 - signs * product)
