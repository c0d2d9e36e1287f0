"""Wide holes from coarse to fine: filled in a reduced picture, then refined at twice its size.

A network of textures sees as far as its tiles. In a picture reduced f times a hole is f times
narrower and what surrounds it f times nearer, and the prior has seen photographs at many sizes, so
that it fills there what it would smear at full size. A coarse fill knows nothing above its Nyquist
frequency: enlarged, it is noised to the level that hides just that,

    sigma^2 = r P(1 / (2 * ratio)),

P the prior's power spectrum in cycles a pixel, r what of it there is around the hole
(`liveliness`), and the chain goes on from there (as a chain from pure noise would have come by,
had it seen as far; Meng et al. 2022, SDEdit, arXiv:2108.01073; Saharia et al. 2021, SR3,
arXiv:2104.07636, for refining in a cascade).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.denoiser import Denoiser
from ..core.step import Step
from .chain import Noise, PairedNoise, make_sigmas, restore
from .guided import GuidedDenoiser
from .observation import Observation
from .operators import Mask
from .recipe import RestorationRecipe
from .solve import Settings, chains, default_eta
from .spectrum import Spectrum
from .window import Window

# A hole is filled where no more than this much of it is unknown from rim to rim.
FILL_PX = 40
# From one size to the next.
RATIO = 2
# Noise below this is less than eight bits have, and the network has hardly seen any.
LAST_SIGMA = 0.01


@dataclass(frozen=True)
class View:
    """A hole with its surroundings, at one size.

    Args:
        window: of the full picture.
        factor: the window is seen reduced so many times.
        y: [1, C, h, w] with h = window.height / factor, in [-1, 1]; whatever in the hole.
        known: [1, 1, h, w], 1 = known.
        sigma_y: how far what is known is off, in [-1, 1] units; 0 for exact.
        power: how much of the prior's power there is around the hole; see `liveliness`.
    """

    window: Window
    factor: int
    y: Tensor
    known: Tensor
    sigma_y: float = 0.0
    power: float = 1.0


def factors_for(
    width_px: float, fill_px: int = FILL_PX, ratio: int = RATIO, max_factor: float = math.inf
) -> list[int]:
    """By how much a picture is reduced for a hole so wide, one after the other, down to 1."""
    factors = [1]
    while width_px > fill_px * factors[0] and factors[0] * ratio <= max_factor:
        factors.insert(0, factors[0] * ratio)
    return factors


def reduce_known(y: Tensor, known: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """y [1, C, H, W] and known [1, 1, H, W], reduced by means over what is known in each square.

    A reduced pixel is known where more than half of its square is.
    """
    if factor == 1:
        return y, known
    share = F.avg_pool2d(known, factor)
    mean = F.avg_pool2d(known * y, factor) / share.clamp(min=1e-6)
    return mean, (share > 0.5).to(known.dtype)


def missing_sigma(spectrum: Spectrum, ratio: float) -> float:
    """The noise level that hides what a picture enlarged `ratio` times cannot have."""
    like = torch.zeros(1, 3, 1, 1)
    return math.sqrt(float(spectrum.laws[0].at(like.new_tensor(1 / (2 * ratio)))))


@torch.inference_mode()
def coarse_to_fine(
    denoiser_of: Callable[[View], Denoiser],
    views: Sequence[View],
    spectrum: Spectrum,
    recipe: RestorationRecipe,
    settings: Settings,
    noise: Noise,
) -> Iterator[Step]:
    """The chains of a wide hole: a stream of steps whose pictures have the last view's size.

    Args:
        denoiser_of: the prior's, for the picture of a view.
        views: the coarsest first; each window lies within the one before.
        spectrum: the prior's.
        recipe: what is wanted.
        settings: of the chains.
        noise: a source for `num_sources(recipe, settings)` pictures.
    """
    source = PairedNoise(noise) if settings.paired and recipe.perception < 1 else noise
    factors = [view.factor for view in views]
    plans = _plans(factors, spectrum, recipe, settings)
    total = sum(num_visits(factors, spectrum, recipe, settings))
    index, x0_hat = 0, None
    for number, (view, usual) in enumerate(zip(views, plans, strict=True)):
        shape = tuple(view.y.shape[1:])
        sigma_y = view.sigma_y
        observation = Observation(Mask(view.known), view.known * view.y, sigma_y, shape)
        own, sigmas = spectrum.times(view.power), calmer(usual, view.power)
        guided = GuidedDenoiser(
            denoiser_of(view), observation.operator, observation.y, sigma_y, own
        )
        if x0_hat is None:
            steps = chains(guided, observation, own, recipe, settings, noise, sigmas)
        else:
            z = enlarge(x0_hat, views[number - 1], view)
            z = z + sigmas[0] * source.randn(shape)
            eta = default_eta(len(sigmas), settings)
            steps = restore(guided, z, sigmas, source, eta=eta, time_travel=settings.time_travel)
        is_last_view = number + 1 == len(views)
        for step in steps:
            x0_hat = step.x0_hat
            if step.is_last and not is_last_view:
                break
            yield dataclasses.replace(
                step,
                index=index,
                num_steps=total,
                x_t=enlarge(step.x_t, view, views[-1]),
                x0_hat=enlarge(step.x0_hat, view, views[-1]),
                num_evaluations=index + (not step.is_last),
            )
            index += 1


def calmer(sigmas: Sequence[float], power: float) -> list[float]:
    """As many noise levels for a picture with so much of the prior's power: as much lower where
    they start, and below `LAST_SIGMA` nowhere."""
    if power == 1:
        return list(sigmas)
    start = max(math.sqrt(power) * sigmas[0], 2 * LAST_SIGMA)
    return make_sigmas(len(sigmas), start, min(sigmas[-1], max(start / 4, LAST_SIGMA)))


def num_visits(
    factors: Sequence[int], spectrum: Spectrum, recipe: RestorationRecipe, settings: Settings
) -> list[int]:
    """Evaluations of the chains of `coarse_to_fine`, for each view."""
    plans = _plans(factors, spectrum, recipe, settings)
    return [(len(sigmas) - 1) * (1 + settings.time_travel) + 1 for sigmas in plans]


def _plans(
    factors: Sequence[int], spectrum: Spectrum, recipe: RestorationRecipe, settings: Settings
) -> list[list[float]]:
    """The noise levels of each view: of the coarsest all, of the others as closely spaced from
    where what is missing is hidden."""
    num_steps = recipe.num_steps or settings.num_steps
    stop, whole = settings.sigma_stop, math.log(settings.sigma_start / settings.sigma_stop)
    plans = [make_sigmas(num_steps, settings.sigma_start, stop)]
    for before, factor in zip(factors, factors[1:], strict=False):
        start = min(missing_sigma(spectrum, before / factor), settings.sigma_start)
        count = max(2, math.ceil(math.log(start / stop) / whole * num_steps))
        plans.append(make_sigmas(count, start, stop))
    return plans


def enlarge(x: Tensor, view: View, target: View) -> Tensor:
    """What pictures x [B, C, h, w] of one view show of another one, at that one's size."""
    if view is target:
        return x
    scale, inner = view.factor // target.factor, target.window.within(view.window)
    size = (x.shape[-2] * scale, x.shape[-1] * scale)
    large = F.interpolate(x, size=size, mode="bicubic") if scale > 1 else x
    top, left = inner.top // target.factor, inner.left // target.factor
    height, width = inner.height // target.factor, inner.width // target.factor
    # At the picture's edge a few pixels may be missing that make no whole reduced one.
    missing = (0, max(0, left + width - size[1]), 0, max(0, top + height - size[0]))
    if any(missing):
        large = F.pad(large, missing, mode="replicate")
    return large[..., top : top + height, left : left + width]
