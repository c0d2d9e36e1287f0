"""Where a result comes together piece by piece: arrays of the picture's own depth, no float copy.

What is shown of it meanwhile is the whole picture, reduced where it is large.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..pictures.photograph import to_8_bit
from . import fit
from .window import Window

# Larger pictures are shown reduced to this while they come together.
SHOWN_PIXELS = 1_000_000
# Rows that are converted at a time.
STRIP_ROWS = 256
# Pillow's own weights of "L", in 1 / 65,536.
_LUMA = np.array([19595, 38470, 7471], np.uint32)


class Canvas:
    """The pictures of a result, all beginning as the same one.

    Args:
        pixels: [H, W] or [H, W, 3], uint8 or uint16; it is not written to.
        num_images: pictures of the result.
        channels: of the tensors that are written, 1 or 3; a grey picture takes the luma of three.
        with_spread: mean and standard deviation of the chains are kept too.

    Attributes:
        images: arrays like `pixels`, one a picture.
        mean, deviation: [H, W(, 3)] like `pixels`, and [H, W] float16 in [-1, 1] units; None
            without `with_spread`.
        reduced: how many times what is shown is smaller.
    """

    def __init__(
        self, pixels: np.ndarray, num_images: int, channels: int, with_spread: bool = False
    ):
        self.pixels, self.channels = pixels, channels
        self.top = float(np.iinfo(pixels.dtype).max)
        self.images = [pixels.copy() for _ in range(num_images)]
        self.mean = pixels.copy() if with_spread else None
        self.deviation = np.zeros(pixels.shape[:2], np.float16) if with_spread else None
        height, width = pixels.shape[:2]
        self.reduced = 1
        if height * width > fit.WHOLE_PIXELS:
            self.reduced = int(np.ceil((height * width * num_images / SHOWN_PIXELS) ** 0.5))
            self.reduced = max(1, min(self.reduced, height, width))
        self._shown: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def view(self, window: Window, pixels: np.ndarray | None = None) -> Tensor:
        """A window of the picture that all began as, [1, channels, h, w] in [-1, 1].

        Args:
            window: which.
            pixels: another array of that size, such as a result.
        """
        source = self.pixels if pixels is None else pixels
        return from_pixels(source[window.slices], self.channels)

    def write(
        self,
        window: Window,
        weight: np.ndarray,
        pictures: Tensor,
        mean: Tensor | None = None,
        deviation: Tensor | None = None,
    ) -> None:
        """Put finished pictures into a window.

        Args:
            window: where.
            weight: float32 [h, w], the share of what is new: 0 leaves a pixel as it is to the
                last bit.
            pictures: [num_images, C, h, w] in [-1, 1].
            mean: [1, C, h, w], of the chains.
            deviation: [h, w], of the chains.
        """
        for image, picture in zip(self.images, pictures, strict=True):
            self._blend(image[window.slices], weight, picture)
        if self.mean is not None and mean is not None:
            self._blend(self.mean[window.slices], weight, mean[0])
        if self.deviation is not None and deviation is not None:
            place = self.deviation[window.slices]
            place += weight * (deviation.cpu().numpy() - place)
        if self._shown is not None:
            self._paste(self._shown, window, pictures, weight)

    def shown(
        self,
        window: Window | None = None,
        x: Tensor | None = None,
        weight: np.ndarray | None = None,
    ) -> Tensor:
        """The pictures so far, with x in a window, [num_images, C, H / reduced, W / reduced].

        Args:
            window, x: what is not written yet, [num_images, C, h, w]; None for nothing.
            weight: its share, as for `write`; None for 1.
        """
        if self._shown is None:
            self._shown = self._make_shown()
        if window is None or x is None:
            return self._shown.clone()
        shown = self._shown.clone()
        self._paste(shown, window, x, weight)
        return shown

    def with_piece(self, index: int, window: Window, weight: np.ndarray, x: Tensor) -> np.ndarray:
        """A copy of image `index` with x [C, h, w] in a window, as `write` would put it there."""
        image = self.images[index].copy()
        self._blend(image[window.slices], weight, x)
        return image

    def finished(self) -> Tensor:
        """As `shown`, of the finished pictures: to the last bit where nothing is reduced."""
        if self.reduced > 1:
            return self.shown()
        return torch.cat([from_pixels(image, self.channels) for image in self.images])

    def _blend(self, place: np.ndarray, weight: np.ndarray, picture: Tensor) -> None:
        new = to_pixels(picture, place.ndim == 2, place.dtype)
        weight = weight if place.ndim == 2 else weight[..., None]
        if ((weight == 0) | (weight == 1)).all():
            np.copyto(place, new, where=weight > 0)
            return
        mixed = place + weight * (new.astype(np.float32) - place)
        np.copyto(place, np.rint(mixed).astype(place.dtype), where=weight > 0)

    def _make_shown(self) -> Tensor:
        pictures = []
        for image in self.images:
            if self.reduced > 1:
                image = reduced(image, self.reduced)
            pictures.append(from_pixels(image, self.channels))
        return torch.cat(pictures)

    def _paste(self, shown: Tensor, window: Window, x: Tensor, weight: np.ndarray | None) -> None:
        x = x.to(shown.device, shown.dtype)
        share = x.new_ones(1, 1, *x.shape[-2:])
        if weight is not None:
            share = torch.from_numpy(np.ascontiguousarray(weight, dtype=np.float32))[None, None]
        top, left = window.top // self.reduced, window.left // self.reduced
        bottom = min(-(-window.bottom // self.reduced), shown.shape[-2])
        right = min(-(-window.right // self.reduced), shown.shape[-1])
        if self.reduced > 1:
            size = (max(1, bottom - top), max(1, right - left))
            x, share = F.interpolate(x, size, mode="area"), F.interpolate(share, size, mode="area")
        place = shown[..., top : top + x.shape[-2], left : left + x.shape[-1]]
        x = x[..., : place.shape[-2], : place.shape[-1]]
        share = share[..., : place.shape[-2], : place.shape[-1]]
        place += share * (x - place)


def reduced(pixels: np.ndarray, factor: int) -> np.ndarray:
    """A picture for looking at, so many times smaller and of 8 bits; the last row and column may
    stand for fewer pixels."""
    rows = 64 * factor
    strips = (to_8_bit(pixels[top : top + rows]) for top in range(0, len(pixels), rows))
    return np.concatenate([np.asarray(Image.fromarray(s).reduce(factor)) for s in strips])


def from_pixels(pixels: np.ndarray, channels: int) -> Tensor:
    """[H, W] or [H, W, 3] as float32 [1, channels, H, W] in [-1, 1].

    The same numbers as `pictures.images.to_tensor` gives for 8 bits.
    """
    if pixels.ndim == 3 and channels == 1:
        pixels = to_luma(pixels)
    half = np.float32(np.iinfo(pixels.dtype).max / 2)
    values = torch.from_numpy(pixels.astype(np.float32) / half - 1)
    if values.ndim == 2:
        return values[None, None].expand(1, channels, -1, -1).contiguous()
    return values.permute(2, 0, 1)[None].contiguous()


def to_pixels(x: Tensor, is_grey: bool, dtype: np.dtype) -> np.ndarray:
    """A picture [C, H, W] in [-1, 1] as [H, W] (grey) or [H, W, 3] of that type, rounded."""
    top = np.iinfo(dtype).max
    rounded = ((x.detach().cpu() + 1) * (top / 2)).round().nan_to_num().clamp(0, top)
    pixels = rounded.permute(1, 2, 0).numpy().astype(dtype)
    if pixels.shape[-1] == 1:
        return pixels[..., 0] if is_grey else pixels.repeat(3, -1)
    return to_luma(pixels) if is_grey else pixels


def to_luma(pixels: np.ndarray) -> np.ndarray:
    """[H, W, 3] in grey, as Pillow's convert("L") has it for 8 bits."""
    luma = np.empty(pixels.shape[:2], pixels.dtype)
    for top in range(0, len(pixels), STRIP_ROWS):
        strip = pixels[top : top + STRIP_ROWS].astype(np.uint32)
        luma[top : top + STRIP_ROWS] = (strip @ _LUMA + 0x8000) >> 16
    return luma
