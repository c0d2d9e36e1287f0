"""What a JPEG took from a picture: an interval for each coefficient, and noise that is like it.

A coefficient of a block of 8 x 8 samples in YCbCr was rounded to a multiple of its step, so that
it lay within half a step of what the file has. The error is not independent of the picture, but it
has a known spectrum in cosines; as noise of that spectrum it is filled up to white and denoised
(`denoising`), and the result is moved into the intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..pictures.compression import Compression
from .chains import within
from .drawn import LEVELS
from .noise_curve import PATCH_PX
from .noise_model import NoiseModel
from .spectrum import from_frequencies, to_frequencies

# Y, Cb, Cr to R, G, B (ITU-T T.871), chroma around 0.
TO_RGB = torch.tensor([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]]).double()
TO_PLANES = torch.linalg.inv(TO_RGB)
# Where nearly all coefficients are 0 the header says little: there the error is what the picture
# had, and falls with frequency. By how much its variance does from one to the next, at least.
MOSTLY_ZERO, FALL = 0.9, 0.65
# Level that is filled up to, of that of the error of brightness; chosen on training photographs.
OF_BRIGHTNESS = 2.0
MULTIPLE_PX = 16  # of places and sides of blocks, so that they lie on every plane's own


def model(parts: Sequence[Tensor], how: Compression) -> NoiseModel:
    """The error of compression as noise.

    Args:
        parts: [1, C, h, w] each in [-1, 1], C 1 or 3, whose corners lie on multiples of
            MULTIPLE_PX.
        how: they were compressed.
    """
    is_grey = parts[0].shape[1] == 1
    each: list[list[Tensor]] = []
    for part in parts:
        planes = [part[:, 0].double() * LEVELS] if is_grey else _planes(part, how)
        each.append([blocks_of(plane) for plane in planes])
    variances = []
    for index in range(len(each[0])):
        blocks = torch.cat([planes[index] for planes in each])
        variance = _error(blocks, table_of(how, index).to(blocks))
        variances.append(variance if index == 0 else _enlarged(variance, how))
    power = torch.stack(variances)
    if not is_grey:
        axes = to_frequencies(torch.eye(3).double()[..., None, None])[:, :, 0, 0].T @ TO_RGB
        power = torch.einsum("ac,cuv->auv", axes.square().to(power), power)
    power = (power / LEVELS**2).float()
    return NoiseModel(power, False, filled_to=OF_BRIGHTNESS * float(power[0].mean()) ** 0.5)


def within_intervals(x: Tensor, y: Tensor, how: Compression) -> Tensor:
    """x with each coefficient within half a step of y's.

    Args:
        x: [B, C, H, W] in [-1, 1].
        y: [1, C, H, W], as the file has it; its corner lies on a multiple of MULTIPLE_PX.
        how: it was compressed.
    """
    if x.shape[1] == 1:
        planes = [(x - y)[:, 0].double() * LEVELS]
    else:
        planes = _planes(x - y, how)
    moved = []
    for index, plane in enumerate(planes):
        half = table_of(how, index).to(plane) / 2
        blocks = blocks_of(plane)
        back = _pixels(blocks.clamp(-half, half) - blocks, plane.shape)
        moved.append(back if index == 0 else _spread(back, how, x.shape[-2:]))
    change = torch.stack(moved, 1)
    if x.shape[1] == 3:
        change = torch.einsum("ck,bkhw->bchw", TO_RGB.to(change), change)
    return x + (change / LEVELS).to(x)


def finish(
    y: Tensor, how: Compression, first: Callable[[Tensor], Tensor]
) -> Callable[[Tensor], Tensor]:
    """`first`, then `within_intervals`; arguments as there."""
    return lambda x: within(within_intervals(first(x), y, how))


def table_of(how: Compression, index: int) -> Tensor:
    """Steps [8, 8] of a plane: Y, Cb, Cr."""
    table = how.tables[min(index, len(how.tables) - 1)]
    return torch.tensor(table, dtype=torch.float64).view(PATCH_PX, PATCH_PX)


def _planes(x: Tensor, how: Compression) -> list[Tensor]:
    """Y, Cb and Cr [B, h, w] of x [B, 3, H, W], in 8-bit levels, each as densely sampled as in the
    file; without the constant that brightness has besides."""
    colours = x.double() * LEVELS
    values = torch.einsum("kc,bchw->bkhw", TO_PLANES.to(colours), colours)
    chroma = F.avg_pool2d(values[:, 1:], (how.down, how.across), ceil_mode=True)
    return [values[:, 0], chroma[:, 0], chroma[:, 1]]


def _spread(plane: Tensor, how: Compression, size: Sequence[int]) -> Tensor:
    spread = plane.repeat_interleave(how.down, 1).repeat_interleave(how.across, 2)
    return spread[:, : size[0], : size[1]]


def _padded(length: int) -> int:
    return -(-length // PATCH_PX) * PATCH_PX


def blocks_of(plane: Tensor) -> Tensor:
    """Coefficients [N, 8, 8] of a plane [B, h, w]; it goes on as it ends, as encoders have it."""
    batch, height, width = plane.shape
    high, wide = _padded(height), _padded(width)
    plane = F.pad(plane[:, None], (0, wide - width, 0, high - height), mode="replicate")[:, 0]
    blocks = plane.view(batch, high // PATCH_PX, PATCH_PX, wide // PATCH_PX, PATCH_PX)
    return to_frequencies(blocks.transpose(2, 3).reshape(-1, 1, PATCH_PX, PATCH_PX))[:, 0]


def _pixels(blocks: Tensor, shape: Sequence[int]) -> Tensor:
    """The inverse of `blocks_of`."""
    batch, height, width = shape
    high, wide = _padded(height), _padded(width)
    values = from_frequencies(blocks[:, None])[:, 0]
    values = values.view(batch, high // PATCH_PX, wide // PATCH_PX, PATCH_PX, PATCH_PX)
    return values.transpose(2, 3).reshape(batch, high, wide)[:, :height, :width]


def _error(blocks: Tensor, steps: Tensor) -> Tensor:
    """Variance of the error of each coefficient [8, 8], from what the file has [N, 8, 8].

    Of what was rounded to other than 0 it is step^2 / 12. What was rounded to 0 is taken for
    Laplacian, of a width that makes so many zeros (Lam & Goodman 2000).
    """
    zeros = ((blocks / steps).round() == 0).double().mean(0)
    zeros[0, 0] = 0  # the constant is about its own mean, not about 0
    half = steps / 2
    width = -half / torch.log1p(-zeros.clamp(max=1 - 1e-4)).clamp(max=-1e-6)
    outside = torch.exp(-half / width)
    inside = 2 * width**2 - outside / (1 - outside) * (half**2 + 2 * half * width)
    variance = zeros * torch.minimum(inside, steps**2 / 3) + (1 - zeros) * steps**2 / 12
    for row in range(PATCH_PX):
        for column in range(PATCH_PX):
            if zeros[row, column] > MOSTLY_ZERO:
                near = [variance[row - 1, column]] if row else []
                near += [variance[row, column - 1]] if column else []
                limit = FALL * sum(near) / len(near)
                variance[row, column] = torch.minimum(variance[row, column], limit)
    return variance


def _enlarged(variance: Tensor, how: Compression) -> Tensor:
    """Of a chroma plane, between whose samples it is smooth: low frequencies have all."""
    for axis, factor in ((0, how.down), (1, how.across)):
        if factor > 1:
            shape = (-1, factor, variance.shape[1]) if axis == 0 else (len(variance), -1, factor)
            low = factor * variance.reshape(shape).mean(1 if axis == 0 else 2)
            variance = torch.cat([low, torch.zeros_like(low)], axis)
    return variance
