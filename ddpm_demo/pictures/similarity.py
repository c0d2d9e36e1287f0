"""How alike two pictures are: PSNR and SSIM. Benchmarks check them against other people's code."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SSIM_SIGMA_PX = 1.5
SSIM_WINDOW_PX = 11


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [-1, 1], over all values; inf when equal."""
    mse = float((a.double() - b.double()).square().mean()) / 4
    return -10 * math.log10(mse) if mse > 0 else math.inf


def ssim(a: Tensor, b: Tensor, every: int = 1) -> float:
    """Mean structural similarity of pictures [B, C, H, W] in [-1, 1].

    Wang et al. 2004, eq. 13, with its Gaussian window of 11 pixels, each channel by itself, the
    places where the window lies wholly inside; a smaller window for pictures smaller than that.

    Args:
        a, b: the pictures.
        every: of the places, one in so many along either side.
    """
    size = min(SSIM_WINDOW_PX, a.shape[-1], a.shape[-2])
    places = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    line = torch.exp(-0.5 * (places / SSIM_SIGMA_PX) ** 2)
    line = line / line.sum()
    x, y = ((v.double().flatten(0, 1)[:, None].cpu() + 1) / 2 for v in (a, b))

    def local(v: Tensor) -> Tensor:
        # Sums of shifted pictures: a fifth of what convolutions take in float64.
        for _ in ("rows", "columns"):
            end = v.shape[-2] - size + 1
            shifted = [v[..., k : k + end : every, :] for k in range(size)]
            total = shifted[0] * line[0]
            for weight, part in zip(line[1:].tolist(), shifted[1:], strict=True):
                total.add_(part, alpha=weight)
            v = total.transpose(-1, -2)
        return v

    mean_x, mean_y = local(x), local(y)
    var_x, var_y = local(x * x) - mean_x**2, local(y * y) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    bottom = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return float((top / bottom).mean())
