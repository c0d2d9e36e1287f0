"""Denoising with a noise model: whitened with noise of one's own, then level by level.

The network knows white noise. With n' of covariance s^2 I - Sigma_n, y + n' is x_0 plus white
noise of level s, and one evaluation is E[x_0 | y + n']. Where the spectrum of the noise is uneven,
s is the level of its strongest frequencies and the others lose; further evaluations at lower
levels get them back. A frequency whose own noise Sigma_f is above s^2 then holds what is left,

    z_s(f) = x0_hat(f) + s / sqrt(Sigma_f) (y(f) - x0_hat(f)),

which is DDRM without fresh noise (Kawar et al. 2022, arXiv:2201.11793, eq. 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.step import Step
from . import solve
from .blend import Restoration
from .chain import Noise, PairedNoise
from .chains import to_8_bit
from .effort import evaluation_pixels
from .noise_model import NoiseModel, filtered
from .recipe import RestorationRecipe

SHARES = (1.0, 0.6)  # of the strongest level, at which the network is asked


def whitened(y: Tensor, model: NoiseModel, s: float, noise: Tensor) -> Tensor:
    """y + n', whose noise is white of level s; noise is white, of any number of pictures."""
    gain = (s**2 - model.grid()).clamp(min=0).sqrt()
    return y + filtered(noise, gain)


def denoise(
    denoiser: Denoiser,
    y: Tensor,
    model: NoiseModel,
    recipe: RestorationRecipe,
    noise: Noise,
    finish: Callable[[Tensor], Tensor] = lambda x: x,
) -> Restoration:
    """As `solve.denoise`, for noise that is not white.

    Args:
        denoiser: the prior's.
        y: [1, C, H, W].
        model: of the noise in y, C channels.
        recipe: what is wanted.
        noise: a source for `recipe.num_images` pictures.
        finish: see `Restoration`.
    """
    top = model.sigma_max
    if recipe.perception == 0 and recipe.num_images == 1:
        steps = _mean(denoiser, y, model, noise, SHARES)
        effort = 2 * len(SHARES) * evaluation_pixels(denoiser, *y.shape[-2:])
        return Restoration(steps, 1, 0.0, finish=finish, effort=effort)
    z = whitened(y, model, top, noise.randn(y.shape[1:])[:1])
    return solve.denoise(denoiser, z, top, recipe, noise, finish)


def blended(
    y: Tensor,
    finish: Callable[[Tensor], Tensor],
    amount: float,
    last: Callable[[Tensor], Tensor],
) -> Callable[[Tensor], Tensor]:
    """`finish`, of which so much is taken and the rest of y; `last` comes after."""
    return lambda x: last(y.lerp(finish(x), amount))


def unchanged(y: Tensor, recipe: RestorationRecipe) -> Restoration:
    """A picture without noise, as it is: no evaluation."""
    y = y.expand(recipe.num_images, -1, -1, -1)
    steps = iter([Step(0, 1, -1, y, y, 0), Step(1, 1, -1, y, y, 0)])
    return Restoration(steps, recipe.num_images, recipe.perception, finish=to_8_bit)


@torch.inference_mode()
def _mean(
    denoiser: Denoiser, y: Tensor, model: NoiseModel, noise: Noise, shares: tuple[float, ...]
) -> Iterator[Step]:
    """The posterior mean: two draws of n', one with the other's sign, averaged."""
    drawn = PairedNoise(noise).randn(y.shape[1:])
    schedule, grid = denoiser.schedule, model.grid()
    z, x0 = whitened(y, model, model.sigma_max, drawn), y
    for index, share in enumerate(shares):
        s = share * model.sigma_max
        if index:
            left = (s / grid.clamp(min=1e-12).sqrt()).clamp(max=1)
            z = x0 + filtered(y - x0, left) + filtered(drawn, (s**2 - grid).clamp(min=0).sqrt())
        t = schedule.t_from_sigma(s)
        x_t = schedule.abar(t) ** 0.5 * z
        x0 = denoiser.predict(x_t, t).x0.mean(0, keepdim=True)
        yield Step(index, len(shares), t, x_t[:1], x0, 2 * (index + 1))
    yield Step(len(shares), len(shares), -1, x0, x0, 2 * len(shares))
