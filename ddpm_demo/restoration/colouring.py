"""Colours of photographs, from a picture reduced so far that the prior sees all of it at one look.

A network of textures sees as far as its tiles, and tiles that know nothing of each other give one
sky many colours. Reduced to a tile it sees the whole scene, as it has seen photographs at many
sizes, and an eye asks less of colours than of brightness (as JPEG knows): they are enlarged, and
brightness stays what it was,

    x = y + s E(x_low - y_low),    0 <= s <= 1,

y the brightness, E bicubic, s what keeps x between black and white.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..pictures.photograph import to_8_bit
from . import fit as prior_fit
from . import settings, solve
from .blend import Restoration
from .canvas import Canvas, from_pixels, to_luma
from .chains import LEVELS, run_chains
from .fit import Fit
from .observation import Observation
from .operators import Grey
from .operators.grey import LUMA
from .piece_run import PieceSetup
from .pieces import Pieces, PieceStep
from .recipe import RestorationRecipe
from .strips import strips
from .upload import Upload
from .window import Window

if TYPE_CHECKING:
    from ..checkpoints.library import CheckpointInfo
    from ..recipes.prior import Prior

# What is seen is no longer than 3 : 2; panoramas are squeezed to it. The network has seen squares,
# and gives a strip of 96 x 32, or several tiles of one, the colours of a fair.
LEAST_SHARE = 2 / 3


def reduced_size(info: CheckpointInfo, width: int, height: int) -> tuple[int, int]:
    """(width, height) of what the prior sees of a picture; that size itself where it is small."""
    side = info.tile_px or info.size_px
    scale = min(1.0, side / max(width, height))

    def seen(length: int) -> int:
        return min(length, max(round(length * scale), round(side * LEAST_SHARE)))

    return seen(width), seen(height)


def colourise(prior: Prior, recipe: RestorationRecipe, upload: Upload) -> PieceSetup:
    """As `whole.colourise`, of photographs of any size.

    Args:
        prior, recipe, upload: what is wanted of what, with a network of three channels.
    """
    pixels, alpha, is_grey = upload.pixels, upload.alpha, upload.is_grey
    height, width = pixels.shape[:2]
    size = reduced_size(prior.info, width, height)
    frame = Frame.of(pixels, size)
    low = frame.low.to(prior.device)
    restoration = run_chains(
        prior,
        prior_fit.fit(prior.info, *size),
        Observation(Grey(), low, 0.0, (3, size[1], size[0])),
        recipe,
        settings.of_colours(),
        lambda x: x,
    )

    def seen() -> np.ndarray:
        luma = pixels if pixels.ndim == 2 else to_luma(pixels)
        return np.repeat(luma[..., None], 3, -1)

    is_mean = recipe.perception == 0
    has_spread = solve.num_chains(recipe) > 1
    canvas = Canvas(seen(), 1 if is_mean else recipe.num_images, 3, with_spread=has_spread)
    steps = Colouring(canvas, frame, restoration)
    return PieceSetup(
        steps,
        Fit("reduced", width, height, is_large=upload.fit.is_large),
        seen,
        original=None if is_grey else pixels,
        baseline=None if is_grey else ("grey", canvas.pixels),
        alpha=alpha,
    )


@dataclass(frozen=True)
class Frame:
    """Brightness of a picture, and how what is seen of it is enlarged to it.

    Args:
        pixels: of the picture, [H, W] or [H, W, 3].
        low: [1, 1, h, w], the means of its brightness that the prior sees.
        rows, columns: [H, h] and [W, w], bicubic weights along each side.
    """

    pixels: np.ndarray
    low: Tensor
    rows: Tensor
    columns: Tensor

    @classmethod
    def of(cls, pixels: np.ndarray, size: tuple[int, int]) -> Frame:
        """Of a picture that is seen at `size`, (width, height)."""
        height, width = pixels.shape[:2]
        down, across = _means(height, size[1]), _means(width, size[0])
        low = torch.zeros(1, 1, size[1], size[0])
        for window in strips(height, width):
            share = down[:, window.top : window.bottom]
            low += share @ brightness(pixels, window) @ across.T
        rows, columns = _bicubic(size[1], height), _bicubic(size[0], width)
        return cls(pixels, low, rows, columns)

    def enlarged(self, x: Tensor, window: Window) -> Tensor:
        """A window of the picture's size, of x [B, C, h, w]."""
        down = self.rows[window.top : window.bottom]
        return down @ x @ self.columns[window.left : window.right].T

    def coloured(self, x: Tensor, window: Window) -> Tensor:
        """Pictures [B, 3, h, w] with the brightness of the picture, a window of them."""
        y = brightness(self.pixels, window)
        colours = self.enlarged(x - self.low, window)
        colours = colours - Grey().A(colours)  # to the last bit of none in brightness
        room = torch.where(colours > 0, 1 - y, 1 + y)
        share = (room / colours.abs().clamp(min=1e-6)).amin(1, keepdim=True).clamp(max=1)
        return y + share * colours


@dataclass(frozen=True)
class ColouringStep(PieceStep):
    """A step of what is seen; x_t and x0_hat show the picture, reduced where it is large.

    Args:
        colouring: whose it is.
    """

    colouring: Colouring | None = None

    def on(self, canvas: Canvas, index: int) -> np.ndarray:
        """Of 8 bits, quickly made: a page asks for it at every step of every picture."""
        red, _, blue = (self.piece[index] - self.colouring.frame.low[0]).numpy()
        chroma = [LEVELS * blue / (2 - 2 * LUMA[2]), LEVELS * red / (2 - 2 * LUMA[0])]
        parts = [Image.fromarray(to_8_bit(canvas.pixels[..., 0]))]
        for levels in chroma:
            small = Image.fromarray((128 + levels).round().clip(0, 255).astype(np.uint8))
            parts.append(small.resize(canvas.size, Image.Resampling.BICUBIC))
        return np.asarray(Image.merge("YCbCr", parts).convert("RGB"))


class Colouring(Pieces):
    """Iterate it for `PieceStep`s, as `Pieces`: one piece, whose pictures are smaller than it.

    Args:
        canvas: of the result, grey so far.
        frame: of the picture.
        restoration: of what the prior sees, three channels.
    """

    def __init__(self, canvas: Canvas, frame: Frame, restoration: Restoration):
        super().__init__(canvas, [])
        self.frame = frame
        # What a part of a larger picture takes, that one takes, too.
        self._effort = round(restoration.effort * prior_fit.share())
        self._stream = _coloured(self, restoration)

    @property
    def effort(self) -> int:
        return self._effort


@torch.inference_mode()
def _coloured(colouring: Colouring, restoration: Restoration) -> Iterator[PieceStep]:
    canvas, frame = colouring.canvas, colouring.frame
    height, width = canvas.pixels.shape[:2]
    whole = Window(0, 0, height, width)
    for step in restoration:
        x_t, x0_hat = step.x_t.cpu(), step.x0_hat.cpu()
        if step.is_last:
            break
        yield ColouringStep(
            step.index,
            step.num_steps,
            step.t,
            _shown(canvas, frame, x_t),
            _shown(canvas, frame, x0_hat),
            step.num_evaluations,
            whole,
            x0_hat,
            None,
            colouring,
        )
    mean, deviation = restoration.mean(), restoration.deviation()
    for window in strips(height, width):
        weight = np.ones((window.height, window.width), np.float32)
        canvas.write(
            window,
            weight,
            frame.coloured(x0_hat, window),
            None if mean is None else frame.coloured(mean.cpu(), window),
            None if deviation is None else frame.enlarged(deviation.cpu(), window)[0, 0].clamp(0),
        )
    finished = canvas.finished()
    yield PieceStep(step.num_steps, step.num_steps, -1, finished, finished, step.num_evaluations)


def _shown(canvas: Canvas, frame: Frame, x: Tensor) -> Tensor:
    """The whole picture with the colours of x [B, 3, h, w], as large as it is shown."""
    grey = canvas.shown()
    colours = F.interpolate(x - frame.low, grey.shape[-2:], mode="bicubic")
    return (grey + colours).clamp(-1, 1)


def brightness(pixels: np.ndarray, window: Window) -> Tensor:
    """[1, 1, h, w] in [-1, 1]: a window of a picture, in grey."""
    x = from_pixels(pixels[window.slices], 1 if pixels.ndim == 2 else 3)
    return x if x.shape[1] == 1 else Grey().A(x)


def _means(length: int, new_length: int) -> Tensor:
    """[new_length, length]: what each pixel of the reduced side is the mean of."""
    weights = torch.zeros(new_length, length)
    for i in range(new_length):
        start, end = i * length // new_length, -(-(i + 1) * length // new_length)
        weights[i, start:end] = 1 / (end - start)
    return weights


def _bicubic(length: int, new_length: int) -> Tensor:
    """[new_length, length]: what each pixel of the enlarged side has of each of the small one."""
    one = torch.eye(length)[None, None]
    return F.interpolate(one, (new_length, length), mode="bicubic")[0, 0]
