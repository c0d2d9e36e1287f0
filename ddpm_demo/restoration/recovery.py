"""What whitening hid of brightness, got back from the noisy picture without asking the network.

The picture y = x_0 + n says more of x_0 than y + n' does, n' being noise of one's own: with
T = Sigma_n + Sigma_n' at a frequency and k = 1 - Sigma_n / T,

    r = (y - (1 - k) (y + n')) / k = x_0 + noise of variance Sigma_n / k,

independent of the noise in y + n'. The network's x0_hat with the error C of the prior's spectrum
(`spectrum`) is moved towards r by C / (C + Sigma_n / k), where there is more in the difference
than noise alone would leave: a local Wiener filter.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .noise_model import FILTER_MARGIN_PX, GRID, NoiseModel, filtered
from .spectrum import PHOTO

AROUND_PX = 7
# By how much the difference must exceed what noise leaves.
DOUBT = 1.3
# What it looks at around a pixel.
MARGIN_PX = FILTER_MARGIN_PX + AROUND_PX // 2


def recovered(x0_hat: Tensor, y: Tensor, own: Tensor, model: NoiseModel, s: float) -> Tensor:
    """x0_hat with what y says besides, [1, C, H, W].

    Args:
        x0_hat: E[x_0 | y + own], as the network has it.
        y: noisy.
        own: the noise that was added to it.
        model: of the noise in y.
        s: level that it was filled up to.
    """
    noise = model.grid()[:1]
    total = noise.clamp(min=s**2)
    keep = 1 - noise / total
    is_told = keep > 1e-3
    own_error = noise / keep.clamp(min=1e-3)
    power = _power() * (y.shape[1] / 3)
    error = power * s**2 / (power + s**2)
    gain = torch.where(is_told, error / (error + own_error), torch.zeros_like(error))
    known = filtered(_padded(_brightness(y - x0_hat)), gain)
    known = known - filtered(_padded(_brightness(own)), gain * (1 / keep.clamp(min=1e-3) - 1))
    left = float((gain**2 * own_error).mean())
    energy = F.avg_pool2d(known**2, AROUND_PX, 1, AROUND_PX // 2, count_include_pad=False)
    known = known * (1 - DOUBT * left / energy.clamp(min=1e-12)).clamp(min=0)
    return x0_hat + known / y.shape[1] ** 0.5


def _power() -> Tensor:
    """The prior's for brightness [1, GRID, GRID], at the frequencies of `NoiseModel.grid`."""
    f = torch.fft.fftfreq(GRID)
    return PHOTO.laws[0].at((f[:, None] ** 2 + f**2).sqrt())[None]


def _brightness(x: Tensor) -> Tensor:
    """[B, 1, H, W], of the variance of one channel where channels are independent."""
    return x.sum(1, keepdim=True) / x.shape[1] ** 0.5


def _padded(x: Tensor) -> Tensor:
    mode = "reflect" if min(x.shape[-2:]) > FILTER_MARGIN_PX else "replicate"
    return F.pad(x, (FILTER_MARGIN_PX,) * 4, mode=mode)
