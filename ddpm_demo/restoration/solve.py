"""Restoring from any observation y = A x_0 + n, and from a noisy picture, as chains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.seeds import apart
from ..core.step import Step
from .blend import Restoration
from .chain import Noise, PairedNoise, make_sigmas, restore
from .effort import evaluation_pixels
from .guided import GuidedDenoiser, JacobianDenoiser
from .observation import Observation, gaussian_mean, gaussian_samples
from .plausible import Weigher
from .recipe import RestorationRecipe
from .spectrum import Spectrum

STEPS_OF_ETA_1 = 20
# From the noisy picture on.
DENOISE_STEPS = 12


@dataclass(frozen=True)
class Settings:
    """How the chains go.

    Args:
        num_steps: evaluations a chain, when the recipe has none.
        sigma_start: where they start, from a sample of the Gaussian posterior, in [-1, 1] units.
        sigma_stop: noise level of the last evaluation.
        eta: share of fresh noise; see `restore`. None for sqrt(steps / 20): the more steps there
            are, the more they may spend on forgetting what went wrong further up.
        time_travel: repeats a step.
        mean_chains: chains behind a posterior mean.
        paired: whether they are antithetic pairs.
        weighed: whether they count in the mean as they are plausible; see `plausible`.
        jacobian: whether the network's own covariance guides the chains, a backward pass for each
            evaluation, instead of the spectrum's.
    """

    num_steps: int = 12
    sigma_start: float = 2.0
    sigma_stop: float = 0.02
    eta: float | None = None
    time_travel: int = 0
    mean_chains: int = 4
    paired: bool = True
    weighed: bool = False
    jacobian: bool = False


def num_sources(recipe: RestorationRecipe, settings: Settings) -> int:
    """Sources of noise that `solve` needs for a recipe: chains, or pairs of them."""
    if recipe.perception == 1:
        return recipe.num_images
    return max(settings.mean_chains // (2 if settings.paired else 1), recipe.num_images)


def num_chains(recipe: RestorationRecipe, settings: Settings | None = None) -> int:
    """Chains of `solve` that run side by side for a recipe, at most."""
    pair = 1 if recipe.perception == 1 else 2
    return num_sources(recipe, settings or Settings()) * pair


def solve(
    denoiser: Denoiser,
    observation: Observation,
    spectrum: Spectrum,
    recipe: RestorationRecipe,
    settings: Settings,
    noise: Noise,
    finish: Callable[[Tensor], Tensor] = lambda x: x,
    crop: Callable[[Tensor], Tensor] = lambda x: x,
) -> Restoration:
    """Samples of p(x_0 | y), their mean, or what lies between them.

    Args:
        denoiser: the prior's.
        observation, spectrum: y, and the prior's power spectrum.
        recipe: what is wanted.
        settings: of the chains.
        noise: a source for `num_sources(recipe, settings)` pictures.
        finish: see `Restoration`.
        crop: see `Restoration`.
    """
    kind = JacobianDenoiser if settings.jacobian else GuidedDenoiser
    guided = kind(denoiser, observation.operator, observation.y, observation.sigma_y, spectrum)
    steps = chains(guided, observation, spectrum, recipe, settings, noise)
    weigher = None
    if settings.weighed:
        weigher = Weigher(denoiser, observation, apart(recipe.seed, "weights"))
    num_steps = recipe.num_steps or settings.num_steps
    num_visits = (num_steps - 1) * (1 + settings.time_travel) + 1
    pixels = evaluation_pixels(denoiser, *observation.image_shape[1:])
    paired = settings.paired and recipe.perception < 1
    num_chains = num_sources(recipe, settings) * (2 if paired else 1)
    return Restoration(
        steps,
        recipe.num_images,
        recipe.perception,
        finish=finish,
        crop=crop,
        weigher=weigher,
        effort=num_visits * num_chains * pixels,
    )


@torch.inference_mode()
def chains(
    guided: Denoiser,
    observation: Observation,
    spectrum: Spectrum,
    recipe: RestorationRecipe,
    settings: Settings,
    noise: Noise,
    sigmas: Sequence[float] | None = None,
) -> Iterator[Step]:
    """The chains behind `solve`, given E[x_0 | x_t, y] as a denoiser; through the noise levels
    `sigmas`, or through those of the settings."""
    paired = settings.paired and recipe.perception < 1
    source = PairedNoise(noise) if paired else noise
    mean = gaussian_mean(observation, spectrum)
    z = gaussian_samples(observation, spectrum, source, mean)
    num_steps = recipe.num_steps or settings.num_steps
    if sigmas is None:
        sigmas = make_sigmas(num_steps, settings.sigma_start, settings.sigma_stop)
    z = z + sigmas[0] * source.randn(observation.image_shape)
    eta = default_eta(len(sigmas), settings)
    yield from restore(guided, z, sigmas, source, eta=eta, time_travel=settings.time_travel)


def default_eta(num_steps: int, settings: Settings) -> float:
    """The share of fresh noise that so many steps may spend."""
    return (num_steps / STEPS_OF_ETA_1) ** 0.5 if settings.eta is None else settings.eta


def denoise(
    denoiser: Denoiser,
    y: Tensor,
    sigma: float,
    recipe: RestorationRecipe,
    noise: Noise,
    finish: Callable[[Tensor], Tensor] = lambda x: x,
    *,
    num_steps: int = DENOISE_STEPS,
    sigma_stop: float = 0.02,
) -> Restoration:
    """y = x_0 + n needs no guidance: y is x_t / sqrt(abar_t) where sigma_t is the noise in it.

    One evaluation is the posterior mean; chains from there on are samples.

    Args:
        denoiser: the prior's.
        y: [1, C, H, W].
        sigma: of its noise, in [-1, 1] units, above 0.
        recipe: what is wanted.
        noise: a source for `recipe.num_images` pictures.
        finish: see `Restoration`.
        num_steps: when the recipe has none.
        sigma_stop: noise level of the last evaluation.
    """
    is_mean = recipe.perception == 0 and recipe.num_images == 1
    count = 1 if is_mean else recipe.num_steps or num_steps
    sigmas = make_sigmas(count, sigma, min(sigma_stop, sigma / 2))
    z = y.expand(recipe.num_images, -1, -1, -1)
    steps = restore(denoiser, z, sigmas, noise)
    return Restoration(
        steps,
        recipe.num_images,
        recipe.perception,
        first_is_mean=True,
        finish=finish,
        effort=count * recipe.num_images * evaluation_pixels(denoiser, *y.shape[-2:]),
    )
