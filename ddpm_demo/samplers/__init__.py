"""Samplers: from noise to a picture, as a stream of `Step`.

`SAMPLERS` says what there is; `sample` runs one by name. A sampler sees a `Denoiser` and nothing
of the network: whatever stands behind `predict` (tiles, a restoration constraint, an exact
oracle) is sampled alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from ..denoiser import Denoiser
from ..noise import NoiseSource
from ..sampler_table import SAMPLERS, SPACINGS, SamplerInfo, check_eta, sampler_info
from .ddim import ddim
from .ddpm import ddpm
from .solvers import SOLVERS, solve
from .step import Step
from .timesteps import make_timesteps

__all__ = [
    "SAMPLERS",
    "SPACINGS",
    "SamplerInfo",
    "Step",
    "check_eta",
    "make_timesteps",
    "sample",
    "sampler_info",
]


def sample(
    name: str,
    denoiser: Denoiser,
    x_t: Tensor,
    timesteps: Sequence[float],
    noise: NoiseSource,
    *,
    eta: float = 0.0,
    variance: str = "fixed_small",
) -> Iterator[Step]:
    """Run the sampler `name` from x_t at timesteps[0] down to the clean picture.

    Args:
        name: a key of `SAMPLERS`.
        denoiser: predicts x_0.
        x_t: [B, C, H, W].
        timesteps: descending, as `make_timesteps` gives them.
        noise: a source for B images.
        eta: for "ddim" alone, 0 to 1.
        variance: for "ddpm" alone, "fixed_small" or "fixed_large".

    Raises:
        UserError: unknown sampler, eta out of range or given to a sampler that has none.
    """
    info = sampler_info(name)
    check_eta(info, eta)
    if name in SOLVERS:
        return solve(name, denoiser, x_t, timesteps, noise)
    if name == "ddim":
        return ddim(denoiser, x_t, timesteps, noise, eta=eta)
    return ddpm(denoiser, x_t, timesteps, noise, variance=variance)
