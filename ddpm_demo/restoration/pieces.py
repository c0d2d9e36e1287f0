"""A restoration in pieces, one after the other: in the place of a `Restoration`, the same stream
of steps, whose pictures are the whole picture as far as it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.memory import give_back
from ..core.step import Step
from .blend import Restoration
from .canvas import Canvas
from .window import Window


@dataclass(frozen=True)
class PieceStep(Step):
    """A step of one piece; x_t and x0_hat show the whole picture, reduced where it is large.

    Args:
        window: of the result, where the piece lies; None at the end of all.
        piece: its x0_hat at its own size, [B, C, h, w].
        weight: [h, w], what it counts there.
    """

    window: Window | None = None
    piece: Tensor | None = None
    weight: np.ndarray | None = None

    def on(self, canvas: Canvas, index: int) -> np.ndarray:
        """Image `index` of the canvas with the piece as it is now."""
        return canvas.with_piece(index, self.window, self.weight, self.piece[index])


@dataclass(frozen=True)
class Piece:
    """What is restored at a time.

    Args:
        window: of the result.
        weight: makes its share in the result, float32 [h, w], see `Canvas.write`; those of all
            pieces together would take four bytes a pixel.
        start: makes its restoration, once the pieces before it are finished.
        num_steps: of that restoration.
        crop: the window within the restoration's pictures; None for all of them.
        finished: is told the finished chains [n, C, h, w] of the window.
        effort: pixels that the network will see.
    """

    window: Window
    weight: Callable[[], np.ndarray]
    start: Callable[[], Restoration]
    num_steps: int
    crop: Window | None = None
    finished: Callable[[Tensor], None] | None = None
    effort: int = 0


class Pieces:
    """Iterate it for `PieceStep`s.

    Args:
        canvas: what the finished pieces are written to.
        pieces: at least one.
    """

    def __init__(self, canvas: Canvas, pieces: Sequence[Piece]):
        self.canvas, self.pieces = canvas, pieces
        self.is_finished = False
        # Not of this object, which would hold itself, and the canvas with it, when let go.
        self._stream = _made(canvas, pieces)

    @property
    def effort(self) -> int:
        """Pixels that the network will see in all."""
        return sum(piece.effort for piece in self.pieces)

    def __iter__(self) -> Iterator[Step]:
        """Whatever is left: pieces are made once, however often this is asked for."""
        for step in self._stream:
            self.is_finished = step.is_last
            yield step

    def mean(self) -> Tensor | None:
        """The mean of the chains [1, C, H, W]; None before the end, or for a single chain."""
        if not self.is_finished or self.canvas.mean is None:
            return None
        height, width = self.canvas.mean.shape[:2]
        return self.canvas.view(Window(0, 0, height, width), self.canvas.mean)

    def deviation(self) -> Tensor | None:
        """Their standard deviation, as `Restoration.deviation`."""
        if not self.is_finished or self.canvas.deviation is None:
            return None
        return torch.from_numpy(self.canvas.deviation.astype(np.float32))[None, None]


@torch.inference_mode()
def _made(canvas: Canvas, pieces: Sequence[Piece]) -> Iterator[PieceStep]:
    """The pieces made one after the other."""
    done, evaluations = 0, 0
    is_large = canvas.reduced > 1
    if is_large:
        give_back()  # what looking at its noise took, a fifth of the peak
    total = sum(piece.num_steps for piece in pieces)
    for piece in pieces:
        restoration, weight, before = piece.start(), piece.weight(), evaluations
        for step in restoration:
            x_t, x0_hat = step.x_t, step.x0_hat
            if piece.crop is not None:
                x_t, x0_hat = x_t[(..., *piece.crop.slices)], x0_hat[(..., *piece.crop.slices)]
            evaluations = before + step.num_evaluations
            if step.is_last:
                _write(canvas, piece, weight, restoration, x0_hat)
                break
            yield PieceStep(
                done + step.index,
                total,
                step.t,
                canvas.shown(piece.window, x_t, weight),
                canvas.shown(piece.window, x0_hat, weight),
                evaluations,
                piece.window,
                x0_hat,
                weight,
            )
        done += piece.num_steps
    if is_large:
        give_back()  # what the network took: the file of the result is made next
    whole = canvas.finished()
    yield PieceStep(total, total, -1, whole, whole, evaluations)


def _write(
    canvas: Canvas,
    piece: Piece,
    weight: np.ndarray,
    restoration: Restoration,
    pictures: Tensor,
) -> None:
    mean, deviation, samples = restoration.mean(), restoration.deviation(), restoration.samples
    if piece.crop is not None:
        inside = piece.crop.slices
        mean = None if mean is None else mean[(..., *inside)]
        deviation = None if deviation is None else deviation[(..., *inside)]
        samples = None if samples is None else samples[(..., *inside)]
    deviation = None if deviation is None else deviation[0, 0]
    canvas.write(piece.window, weight, pictures, mean, deviation)
    if piece.finished is not None and samples is not None:
        piece.finished(samples)
