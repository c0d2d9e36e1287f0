"""A noisy picture that came through a camera's mosaic, from the samples it was filled from.

Half-quadratic splitting (Zhang et al. 2021, DPIR, arXiv:2008.13751): the network's E[x_0 | z] at a
level that falls from step to step, and between two steps the samples r = M x_0 + n that agree with
what is seen of the picture, y = B r, and with the estimate; z is the estimate moved towards them.
All three are Gaussian, so that r is the solution of a linear system of filters.

Of y its brightness is believed, and its colours at half the size: compression keeps no more, and
there are three numbers for every sample as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.denoiser import Denoiser
from ..core.step import Step
from .artefacts import TO_PLANES
from .blend import Restoration
from .chains import LEVELS, estimated
from .conjugate_gradients import conjugate_gradients
from .effort import evaluation_pixels
from .mosaic import SIDE_PX, Mosaic
from .mosaic_search import Found

# Evaluations, and of a large picture, where time counts: .2 dB less.
STEPS, LARGE_STEPS = 8, 6
# Levels of the first and the last evaluation, of the noise's; and the weight of the estimate,
# whose error at level s counts as s / sqrt(weight). Chosen on the photographs' held-out pictures.
FIRST, LAST, WEIGHT = 2.5, 0.3, 0.1
# What y may differ by from what the samples make, in [-1, 1] units: rounding, compression.
SEEN_SIGMA = 3.0 / LEVELS
ITERATIONS, TOLERANCE = 8, 1e-3


def demosaic(
    denoiser: Denoiser,
    y: Tensor,
    found: Found,
    num_steps: int,
    finish: Callable[[Tensor], Tensor],
    is_upright: bool = False,
) -> Restoration:
    """The picture behind y, without its noise and without the mosaic's false colours.

    Args:
        denoiser: the prior's.
        y: [1, 3, H, W] in [-1, 1], whose corner lies where the mosaic's was counted from.
        found: the mosaic, and the noise of its samples.
        num_steps: evaluations.
        finish: see `Restoration`.
        is_upright: see `estimated`.
    """
    effort = num_steps * evaluation_pixels(denoiser, *y.shape[-2:])
    steps = _steps(denoiser, y, found, num_steps, is_upright)
    return Restoration(steps, 1, 0.0, finish=finish, effort=effort)


@torch.inference_mode()
def _steps(
    denoiser: Denoiser, y: Tensor, found: Found, num_steps: int, is_upright: bool
) -> Iterator[Step]:
    samples = Samples(y, found.mosaic, found.sigma)
    ratio, last = math.log(LAST / FIRST), max(1, num_steps - 1)
    levels = [FIRST * found.sigma * math.exp(ratio * i / last) for i in range(num_steps)]
    z = mean = y
    for index, s in enumerate(levels):
        if index > 0:
            z = samples.moved(mean, levels[index - 1] / WEIGHT**0.5)
        t = denoiser.schedule.t_from_sigma(s)
        x_t = denoiser.schedule.abar(t) ** 0.5 * z
        mean = estimated(denoiser, x_t, t, index, is_upright).clamp(-1, 1)
        yield Step(index, num_steps, t, x_t, mean, index + 1)
    yield Step(num_steps, num_steps, -1, mean, mean, num_steps)


class Samples:
    """The samples that a picture was filled from, as far as they are known.

    Args:
        y: the picture, [1, 3, H, W].
        mosaic: its.
        sigma: of the samples' noise, in [-1, 1] units.
    """

    def __init__(self, y: Tensor, mosaic: Mosaic, sigma: float):
        self.mosaic, self.sigma = mosaic, sigma
        self.mask = mosaic.mask(y)
        self.r = self.mask * y
        self._pull = self._back(y)

    def moved(self, estimate: Tensor, rho: float) -> Tensor:
        """E[x_0 | y] for x_0 around an estimate with an error of standard deviation rho."""
        known = self.sigma**2 + rho**2

        def system(u: Tensor) -> Tensor:
            return self._back(self.mosaic.filled(u)) + u / known

        wanted = self._pull + self.mask * estimate / known
        change = conjugate_gradients(
            system, lambda u: u, wanted - system(self.r), TOLERANCE, ITERATIONS
        )
        self.r = self.r + change
        return estimate + rho**2 / known * self.mask * (self.r - estimate)

    def _back(self, x: Tensor) -> Tensor:
        """M B^T P^T P x / SEEN_SIGMA^2: P is what is believed of a picture."""
        planes = torch.einsum("kc,bchw->bkhw", TO_PLANES.to(x), x)
        chroma = F.avg_pool2d(planes[:, 1:], SIDE_PX).repeat_interleave(SIDE_PX, 2)
        chroma = chroma.repeat_interleave(SIDE_PX, 3) / SIDE_PX**2
        down, across = (x.shape[axis] - chroma.shape[axis] for axis in (2, 3))
        planes = torch.cat([planes[:, :1], F.pad(chroma, (0, across, 0, down))], 1)
        x = torch.einsum("kc,bkhw->bchw", TO_PLANES.to(x), planes)
        return self.mask * self.mosaic.filled_T(x) / SEEN_SIGMA**2
