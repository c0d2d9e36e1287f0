"""The orthonormal discrete cosine transform (DCT-II) along rows and columns of pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

# Two matrix products beat an FFT with its shuffling below about 500 pixels a side, and go with the
# square of a side: at 10,000 they take 16 times as long. Blocks of large pictures are shorter than
# this, and most pictures are, so that theirs are the very numbers they always were.
MATRIX_PX = 1280


@lru_cache(maxsize=8)
def matrix(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The transform as a matrix [length, length]: rows are frequencies."""
    frequency = torch.arange(length, dtype=torch.float64)[:, None]
    place = torch.arange(length, dtype=torch.float64)[None, :] + 0.5
    found = math.sqrt(2 / length) * torch.cos(math.pi / length * frequency * place)
    found[0] *= math.sqrt(0.5)
    return found.to(device, dtype)


def forward(x: Tensor) -> Tensor:
    """x [..., H, W] in the cosine basis of its rows and columns."""
    height, width = x.shape[-2:]
    if height <= MATRIX_PX:
        x = matrix(height, x.dtype, x.device) @ x
    else:
        x = _by_plane(x.transpose(-1, -2), _fast).transpose(-1, -2)
    if width <= MATRIX_PX:
        return x @ matrix(width, x.dtype, x.device).T
    return _by_plane(x, _fast)


def inverse(x: Tensor) -> Tensor:
    """The inverse of `forward`."""
    height, width = x.shape[-2:]
    if height <= MATRIX_PX:
        x = matrix(height, x.dtype, x.device).T @ x
    else:
        x = _by_plane(x.transpose(-1, -2), _fast_inverse).transpose(-1, -2)
    if width <= MATRIX_PX:
        return x @ matrix(width, x.dtype, x.device)
    return _by_plane(x, _fast_inverse)


def _by_plane(x: Tensor, transform: Callable[[Tensor], Tensor]) -> Tensor:
    """One picture and channel at a time: complex numbers take four times the memory."""
    planes = [transform(plane) for plane in x.reshape(-1, *x.shape[-2:])]
    return torch.stack(planes).view(x.shape)


def _fast(x: Tensor) -> Tensor:
    """Along the last axis, by one FFT of the same length (Makhoul 1980)."""
    shuffled = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1)
    return (torch.fft.fft(shuffled) * _turns(x.shape[-1], x.dtype, x.device)).real


def _fast_inverse(x: Tensor) -> Tensor:
    length = x.shape[-1]
    mirrored = torch.cat([torch.zeros_like(x[..., :1]), x[..., 1:].flip(-1)], -1)
    seen = torch.complex(x, -mirrored) / _turns(length, x.dtype, x.device)
    shuffled = torch.fft.ifft(seen).real
    result, half = torch.empty_like(x), (length + 1) // 2
    result[..., ::2] = shuffled[..., :half]
    result[..., 1::2] = shuffled[..., half:].flip(-1)
    return result


@lru_cache(maxsize=8)
def _turns(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """By what the FFT's coefficients are turned and scaled."""
    angle = torch.arange(length, dtype=torch.float64) * (-math.pi / (2 * length))
    turns = torch.polar(torch.full_like(angle, math.sqrt(2 / length)), angle)
    turns[0] *= math.sqrt(0.5)
    return turns.to(device, torch.complex128 if dtype == torch.float64 else torch.complex64)
