"""Pictures that are grey though their file has colours: R = G = B, and tones on one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .operators import LUMA

LEVELS = 127.5
# Rounding to 8 bits errs by 0.29 levels RMS, JPEG's conversion of colours by up to one.
TOLERANCE = 0.7 / LEVELS
FARTHEST = 4.0 / LEVELS
# Below this spread of brightness there is no line to be seen.
MIN_SPREAD = 2.0 / LEVELS
SAMPLE = 250_000
FAR = 1e6  # beyond black and white on any line


@dataclass(frozen=True)
class Tone:
    """The line x = offset + slope * brightness, in [-1, 1] units.

    Args:
        offset, slope: [3, 1, 1].
    """

    offset: Tensor
    slope: Tensor

    @property
    def is_grey(self) -> bool:
        """Whether R = G = B all along, within the tolerance."""
        ends = [self.offset - self.slope, self.offset + self.slope]
        return all(float(end.amax() - end.amin()) <= 2 / LEVELS for end in ends)

    def brightness(self, x: Tensor) -> Tensor:
        """[B, 1, H, W]: where pixels [B, 3, H, W] fall on the line."""
        along = ((x - self.offset) * self.slope).sum(1, keepdim=True)
        return along / self.slope.square().sum()

    def colour(self, grey: Tensor) -> Tensor:
        """[B, 3, H, W] of brightness [B, 1, H, W]."""
        if self.is_grey:
            return grey.expand(-1, 3, -1, -1)
        return self.offset + self.slope * grey

    def onto(self, x: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] with their colours on the line."""
        return self.colour(self.brightness(x))

    def finish(self, last: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """`last` of the colours on the line of pictures [B, C, H, W] whose channels are alike."""
        return lambda x: last(self.colour(x.mean(1, keepdim=True)))


def onto_tone(x: Tensor) -> Callable[[Tensor], Tensor]:
    """What puts restored pictures on the line that the colours of x [1, C, H, W] lie on: nothing
    where they lie on none, or for one channel."""
    line = tone(x) if x.shape[1] == 3 else None
    return (lambda picture: picture) if line is None else line.onto


def tone(x: Tensor) -> Tone | None:
    """The line that the colours of x [1, 3, H, W] lie on; None where they do not.

    A channel that a toning cut off at black or white says nothing of the line there.
    """
    pixels = x[0].flatten(1)
    pixels = pixels[:, :: max(1, pixels.shape[1] // SAMPLE)].double()
    inside = pixels[:, (pixels.abs() < 1).all(0)]
    if inside.shape[1] < 16:
        inside = pixels
    luma = pixels.new_tensor(LUMA) @ inside
    spread = luma - luma.mean()
    if float(spread.square().mean().sqrt()) < MIN_SPREAD:
        return None
    slope = (inside * spread).mean(1) / spread.square().mean()
    offset = inside.mean(1) - slope * luma.mean()
    off = inside - offset[:, None] - slope[:, None] * luma
    rms = float(off.square().mean().sqrt())
    if rms > TOLERANCE or float(off.abs().amax()) > FARTHEST:
        return None
    cut = pixels[:, (pixels.abs() >= 1).any(0)]
    if not _reaches(cut, offset[:, None], slope[:, None]):
        return None
    return Tone(offset.to(x)[:, None, None], slope.to(x)[:, None, None])


def _reaches(cut: Tensor, offset: Tensor, slope: Tensor) -> bool:
    """Whether a line, cut off at black and white, comes by all pixels [3, N] that were cut off:
    else they have a colour of their own, as a light blue panel beside black text has."""
    known = (cut.abs() < 1) * slope
    along = (known * (cut - offset)).sum(0) / (known * slope).sum(0).clamp(min=1e-12)
    steepest = int(slope.abs().argmax())
    ends = cut[steepest].sign() * slope[steepest].sign() * FAR
    along = torch.where(known.abs().sum(0) > 0, along, ends)
    found = (offset + slope * along).clamp(-1, 1)
    return not cut.numel() or float((found - cut).abs().amax()) <= FARTHEST
