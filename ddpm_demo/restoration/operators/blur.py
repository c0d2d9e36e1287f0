"""A picture out of focus or shaken: deblurring, by FFT.

`Blur` is circular, as if the picture were a tile of a wallpaper. A camera's picture is not: what
lies outside the frame has been smeared into it, and `FramedBlur` makes that a part of x_0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..conjugate_gradients import conjugate_gradients
from .base import Operator


class Blur(Operator):
    """y = kernel * x, circular convolution of each channel: diagonal in the Fourier basis.

    Args:
        kernel: [k_h, k_w], sums to 1, its middle pixel in place (k // 2).
        cutoff: gains of the kernel below this share count as 0 in `A_pinv`.
    """

    def __init__(self, kernel: Tensor, cutoff: float = 1e-3):
        self.kernel = kernel
        self.cutoff = cutoff
        self._known: tuple[tuple, Tensor] | None = None

    def A(self, x: Tensor) -> Tensor:
        return self._filter(x, self._transfer(x))

    def A_T(self, y: Tensor) -> Tensor:
        return self._filter(y, self._transfer(y).conj())

    def A_pinv(self, y: Tensor) -> Tensor:
        transfer = self._transfer(y)
        kept = transfer.abs() > self.cutoff
        inverse = torch.where(kept, 1 / torch.where(kept, transfer, 1.0), 0.0)
        return self._filter(y, inverse)

    def prox(self, x0: Tensor, y: Tensor, sigma_y: float, rho: float) -> Tensor:
        transfer = self._transfer(x0)
        power = transfer.abs() ** 2
        if sigma_y > 0:
            inverse = transfer.conj() * rho**2 / (power * rho**2 + sigma_y**2)
        else:
            kept = power > self.cutoff**2
            inverse = torch.where(kept, 1 / torch.where(kept, transfer, 1.0), 0.0)
        return x0 + self._filter(y - self.A(x0), inverse)

    def _transfer(self, like: Tensor) -> Tensor:
        """The kernel's Fourier transform on the grid of `like`, [H, W // 2 + 1], complex."""
        place = (like.shape[-2:], like.dtype, like.device)
        if self._known is None or self._known[0] != place:
            self._known = (place, self._make_transfer(like))
        return self._known[1]

    def _make_transfer(self, like: Tensor) -> Tensor:
        k_h, k_w = self.kernel.shape
        padded = like.new_zeros(like.shape[-2:])
        rows = (torch.arange(k_h, device=like.device) - k_h // 2) % padded.shape[0]
        columns = (torch.arange(k_w, device=like.device) - k_w // 2) % padded.shape[1]
        # A kernel larger than the picture wraps around and adds up.
        padded.index_put_((rows[:, None], columns[None]), self.kernel.to(like), accumulate=True)
        return torch.fft.rfft2(padded)

    @staticmethod
    def _filter(x: Tensor, transfer: Tensor) -> Tensor:
        return torch.fft.irfft2(torch.fft.rfft2(x) * transfer, s=x.shape[-2:])


class FramedBlur(Operator):
    """The part of `Blur` that no border has touched: y is smaller than x by `margin_px` a side.

    Args:
        kernel: as for `Blur`.
    """

    tolerance, max_iterations = 1e-8, 2000

    def __init__(self, kernel: Tensor):
        self.blur = Blur(kernel)
        self.margin_px = max(kernel.shape) // 2

    def A(self, x: Tensor) -> Tensor:
        return self.crop(self.blur.A(x))

    def A_T(self, y: Tensor) -> Tensor:
        return self.blur.A_T(F.pad(y, (self.margin_px,) * 4))

    def A_pinv(self, y: Tensor) -> Tensor:
        return self.A_T(self._solve_gram(y, 0.0))

    def prox(self, x0: Tensor, y: Tensor, sigma_y: float, rho: float) -> Tensor:
        return x0 + self.A_T(self._solve_gram(y - self.A(x0), (sigma_y / rho) ** 2))

    def observation_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        channels, height, width = image_shape
        return channels, height - 2 * self.margin_px, width - 2 * self.margin_px

    def power(self, like: Tensor) -> Tensor:
        """|kernel|^2 at the frequencies of the cosine transform of x [B, C, H, W], [H, W].

        A reflecting border mixes a frequency with its mirror image, whose power counts as much.
        """
        kernel = self.blur.kernel.to(like)
        waves = []
        for taps, pixels in zip(kernel.shape, like.shape[-2:], strict=True):
            place = torch.arange(taps).to(like) - taps // 2
            frequency = torch.arange(pixels).to(like) / (2 * pixels)
            waves.append(torch.exp(2j * math.pi * frequency[:, None] * place))
        rows, columns = waves
        here = rows @ (kernel + 0j) @ columns.T
        mirrored = rows @ (kernel + 0j) @ columns.conj().T
        return (here.abs() ** 2 + mirrored.abs() ** 2) / 2

    def crop(self, x: Tensor) -> Tensor:
        """Without the margin."""
        margin = self.margin_px
        return x[..., margin : x.shape[-2] - margin, margin : x.shape[-1] - margin]

    def _solve_gram(self, r: Tensor, ridge: float) -> Tensor:
        """(A A^T + ridge I)^-1 r."""
        return conjugate_gradients(
            lambda u: self.A(self.A_T(u)) + ridge * u,
            lambda u: u,
            r,
            self.tolerance,
            self.max_iterations,
        )


def gaussian_kernel(radius_px: float) -> Tensor:
    """A round Gaussian of standard deviation `radius_px` (above 0), cut at four, float64."""
    half = max(1, math.ceil(4 * radius_px))
    line = torch.exp(-0.5 * (torch.arange(-half, half + 1, dtype=torch.float64) / radius_px) ** 2)
    kernel = line[:, None] * line[None, :]
    return kernel / kernel.sum()


def motion_kernel(length_px: float, angle_degrees: float) -> Tensor:
    """A straight stroke of `length_px` (at least 1), anticlockwise from level, float64."""
    half = math.ceil(length_px / 2) + 1
    kernel = torch.zeros(2 * half + 1, 2 * half + 1, dtype=torch.float64)
    angle = math.radians(angle_degrees)
    count = 16 * half
    for i in range(count):  # points along the stroke, each shared among its four pixels
        along = ((i + 0.5) / count - 0.5) * length_px
        row, column = half - along * math.sin(angle), half + along * math.cos(angle)
        top, left = math.floor(row), math.floor(column)
        down, right = row - top, column - left
        kernel[top, left] += (1 - down) * (1 - right)
        kernel[top, left + 1] += (1 - down) * right
        kernel[top + 1, left] += down * (1 - right)
        kernel[top + 1, left + 1] += down * right
    return kernel / kernel.sum()
