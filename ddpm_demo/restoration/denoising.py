"""Denoising with a noise model: whitened with noise of one's own, at one level.

The network knows white noise. With n' of covariance s^2 I - Sigma_n, y + n' is x_0 plus white
noise of level s, and one evaluation is E[x_0 | y + n']. What n' hides comes back in the mean over
several draws of it, of which pairs of opposite sign do most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.step import Step
from . import solve
from .blend import Restoration
from .chain import Noise
from .chains import QUARTER_TURNS, estimated, within
from .effort import evaluation_pixels
from .noise_model import FILTER_MARGIN_PX, NoiseModel, filtered
from .recipe import RestorationRecipe
from .recovery import recovered

# Evaluations behind a mean: two pairs, one where a picture is not small, and one draw where it is
# large, and time counts.
SMALL_PIXELS = 2**20
SMALL_DRAWS, DRAWS, LARGE_DRAWS = 4, 2, 1
# Of white noise, where nothing is drawn: looks, turned; more are not to be had.
SMALL_LOOKS, MOST_LOOKS = 2, len(QUARTER_TURNS)
# Level of the white noise, see `whitening_level`; chosen on training photographs.
NEARLY_WHITE = 0.56
OF_MEAN, OF_STRONGEST = 0.9, 1.3
# Of the strongest, where there is one draw: nothing takes back what the noise of one's own does.
OF_STRONGEST_ALONE = 1.0


def whitening_level(model: NoiseModel, num_draws: int = DRAWS) -> float:
    """The level s that noise is filled up to, for the mean over so many draws.

    What is stronger than s stays a little, what is weaker is hidden by what is added. Brightness
    decides: where its noise is nearly white, as under compression, its strongest frequency is
    mostly texture that was mistaken, and s goes by the mean; otherwise by the strongest.
    """
    if model.filled_to is not None:
        return model.filled_to
    if is_coloured(model):
        return (OF_STRONGEST if num_draws > 1 else OF_STRONGEST_ALONE) * model.sigma_max
    return OF_MEAN * float(model.power[0].mean()) ** 0.5


def is_coloured(model: NoiseModel) -> bool:
    """Whether brightness has frequencies with little noise, whose picture is there still.

    Compression, too, leaves frequencies without noise, but without the picture besides.
    """
    mean = float(model.power[0].mean()) ** 0.5
    return model.filled_to is None and mean <= NEARLY_WHITE * model.sigma_max


def filling(model: NoiseModel, s: float, noise: Noise, image_shape: tuple[int, ...]) -> Tensor:
    """n' of covariance s^2 I - Sigma_n, [B, C, H, W], as far as Sigma_n is below s^2.

    Args:
        model: of the noise that is there.
        s: level that it is filled up to.
        noise: a source for B pictures.
        image_shape: (C, H, W).
    """
    channels, height, width = image_shape
    more = 2 * FILTER_MARGIN_PX
    drawn = noise.randn((channels, height + more, width + more))
    return filtered(drawn, (s**2 - model.grid()).clamp(min=0).sqrt())


def denoise(
    denoiser: Denoiser,
    y: Tensor,
    model: NoiseModel,
    recipe: RestorationRecipe,
    noise: Noise,
    num_draws: int,
    finish: Callable[[Tensor], Tensor] = lambda x: x,
    is_upright: bool = False,
) -> Restoration:
    """As `solve.denoise`, for noise that is not white.

    Args:
        denoiser: the prior's.
        y: [1, C, H, W].
        model: of the noise in y, C channels.
        recipe: what is wanted.
        noise: a source for `recipe.num_images` pictures.
        num_draws: evaluations behind a mean.
        finish: see `Restoration`.
        is_upright: see `estimated`.
    """
    if recipe.perception == 0 and recipe.num_images == 1:
        steps = _mean(denoiser, y, model, noise, num_draws, is_upright)
        effort = num_draws * evaluation_pixels(denoiser, *y.shape[-2:])
        return Restoration(steps, 1, 0.0, finish=finish, effort=effort)
    top = model.sigma_max
    z = y + filling(model, top, noise, tuple(y.shape[1:]))[:1]
    return solve.denoise(denoiser, z, top, recipe, noise, finish)


def looked_at(
    denoiser: Denoiser,
    y: Tensor,
    sigma: float,
    num_looks: int,
    finish: Callable[[Tensor], Tensor],
) -> Restoration:
    """The posterior mean of `solve.denoise`, as the mean over looks at y turned by other quarters.

    Args:
        denoiser: of photographs, which have no right way up.
        y: [1, C, H, W].
        sigma: of its white noise, in [-1, 1] units.
        num_looks: 1 to `MOST_LOOKS` evaluations.
        finish: see `Restoration`.
    """
    effort = num_looks * evaluation_pixels(denoiser, *y.shape[-2:])
    return Restoration(_looks(denoiser, y, sigma, num_looks), 1, 0.0, finish=finish, effort=effort)


def blended(
    y: Tensor, finish: Callable[[Tensor], Tensor], amount: float
) -> Callable[[Tensor], Tensor]:
    """`finish`, of which so much is taken and the rest of y."""
    return lambda x: within(y.lerp(finish(x), amount))


def unchanged(y: Tensor, recipe: RestorationRecipe) -> Restoration:
    """A picture without noise, as it is: no evaluation."""
    y = y.expand(recipe.num_images, -1, -1, -1)
    steps = iter([Step(0, 1, -1, y, y, 0), Step(1, 1, -1, y, y, 0)])
    return Restoration(steps, recipe.num_images, recipe.perception, finish=within)


@torch.inference_mode()
def _mean(
    denoiser: Denoiser, y: Tensor, model: NoiseModel, noise: Noise, count: int, is_upright: bool
) -> Iterator[Step]:
    """The mean over so many draws, every second one the one before with its sign turned
    (antithetic variates, as `PairedNoise`)."""
    s = whitening_level(model, count)
    t = denoiser.schedule.t_from_sigma(s)
    scale = denoiser.schedule.abar(t) ** 0.5
    own, mean = torch.zeros_like(y), torch.zeros_like(y)
    for index in range(count):
        own = -own if index % 2 else filling(model, s, noise, tuple(y.shape[1:]))
        x_t = scale * (y + own)
        x0 = estimated(denoiser, x_t, t, index, is_upright)
        if is_coloured(model):
            x0 = recovered(x0, y, own, model, s)
        mean = mean + (x0 - mean) / (index + 1)
        yield Step(index, count, t, x_t, mean, index + 1)
    yield Step(count, count, -1, mean, mean, count)


@torch.inference_mode()
def _looks(denoiser: Denoiser, y: Tensor, sigma: float, count: int) -> Iterator[Step]:
    t = denoiser.schedule.t_from_sigma(sigma)
    x_t, mean = denoiser.schedule.abar(t) ** 0.5 * y, torch.zeros_like(y)
    for index in range(count):
        mean = mean + (estimated(denoiser, x_t, t, index) - mean) / (index + 1)
        yield Step(index, count, t, x_t, mean, index + 1)
    yield Step(count, count, -1, mean, mean, count)
