"""`PieceRun`: a restoration that comes together piece by piece, of a picture of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from ..checkpoints.library import CheckpointInfo
from ..core.step import Step
from ..pictures import deep
from ..pictures.photograph import to_8_bit
from ..recipes.recipe import Recipe
from ..recipes.run import Run
from .fit import Fit
from .pieces import Pieces, PieceStep
from .run import REMOVED_GAIN, RestorationRun
from .similarity import Likeness, likeness
from .strips import strips
from .window import Window


@dataclass(frozen=True)
class PieceSetup:
    """What a task prepares for a run in pieces; pictures are arrays [H, W] or [H, W, 3].

    Args:
        steps: the pieces.
        fit: how the prior goes at them.
        observed: makes what was seen, at the size of the result.
        original: where it is known, else None.
        baseline: a name and what a cheap method makes of it.
        facts: metrics that are known before the run.
        check: metrics of one finished picture.
        changed: where results may differ from the original; None for everywhere.
        alpha: transparency of the results.
        shows_removed: whether what was seen less the result is a picture of interest.
    """

    steps: Pieces
    fit: Fit
    observed: Callable[[], np.ndarray]
    original: np.ndarray | None = None
    baseline: tuple[str, np.ndarray] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    check: Callable[[np.ndarray], dict[str, Any]] = lambda picture: {}
    changed: Sequence[Window] | None = None
    alpha: Image.Image | None = None
    shows_removed: bool = False


class PieceRun(RestorationRun):
    """As `RestorationRun`; x_t and x0_hat of its steps are reduced where the picture is large, and
    `pictures` gives it at its own size."""

    def __init__(self, recipe: Recipe, info: CheckpointInfo, setup: PieceSetup):
        Run.__init__(self, recipe, info, setup.steps)
        self.fit = setup.fit
        self.metrics: dict[str, Any] = {}
        self._setup = setup
        self._metrics: list[dict[str, Any]] = []
        self._observed: Image.Image | None = None
        self._difference_made: Image.Image | None = None
        self.progress.expect(setup.steps.effort)

    @property
    def observed(self) -> Image.Image:
        if self._observed is None:
            self._observed = self._of_array(self._setup.observed())
        return self._observed

    @property
    def _removed(self) -> Image.Image | None:
        """Made when it is looked at: not while a result is being written, which takes memory."""
        setup = self._setup
        if setup.shows_removed and setup.steps.is_finished and self._difference_made is None:
            image = setup.steps.canvas.images[0]
            self._difference_made = self._difference(setup.observed(), image)
        return self._difference_made

    @property
    def original(self) -> Image.Image | None:
        original = self._setup.original
        return None if original is None else self._of_array(original)

    def __iter__(self) -> Iterator[Step]:
        for step in Run.__iter__(self):
            if step.is_last:
                self._measure_arrays()
            yield step

    def pictures(self, step: Step | None) -> list[Image.Image]:
        """The pictures of any step at their own size, with what was done until then."""
        if step is None:
            return []
        canvas = self._setup.steps.canvas
        piece = step if isinstance(step, PieceStep) and step.piece is not None else None
        if piece is None or piece.index < self.last.index:
            return [self._of_array(image, step.is_last) for image in canvas.images]
        return [self._of_array(piece.on(canvas, i)) for i in range(len(canvas.images))]

    def mean(self) -> Image.Image | None:
        """The mean of the samples; None for a single one, or before the end."""
        steps = self._setup.steps
        if not steps.is_finished or steps.canvas.mean is None:
            return None
        return self._of_array(steps.canvas.mean)

    def uncertainty(self) -> Image.Image | None:
        """As of `RestorationRun`."""
        deviation = self._deviation()
        if deviation is None:
            return None
        scale = 255 / max(float(deviation.max()), 5e-7)
        levels = (deviation * np.float32(scale)).round().clip(0, 255)
        return Image.fromarray(levels.astype(np.uint8))

    @property
    def uncertainty_255(self) -> float | None:
        """The largest standard deviation, in 8-bit levels, which is white in `uncertainty`."""
        deviation = self._deviation()
        return None if deviation is None else float(deviation.max()) * 127.5

    def _deviation(self) -> np.ndarray | None:
        steps = self._setup.steps
        return steps.canvas.deviation if steps.is_finished else None

    def _of_array(self, pixels: np.ndarray, with_depth: bool = False) -> Image.Image:
        """A picture of an array, whose deep pixels are the array itself."""
        picture = Image.fromarray(to_8_bit(pixels))
        if self._setup.alpha is not None:
            picture = picture.convert("RGB")
            picture.putalpha(self._setup.alpha)
        is_deep = with_depth and pixels.dtype != np.uint8
        return deep.attach(picture, pixels) if is_deep else picture

    def _measure_arrays(self) -> None:
        setup = self._setup
        common: dict[str, Any] = dict(setup.facts)
        if setup.original is not None and setup.baseline is not None:
            name, baseline = setup.baseline
            common["baseline"] = name
            common.update(_named(likeness(baseline, setup.original), "baseline_"))
        self._metrics = []
        for image in setup.steps.canvas.images:
            own = setup.check(image)
            if setup.original is not None:
                own |= _named(likeness(image, setup.original, setup.changed))
            self._metrics.append({**common, **own})
        self.metrics = self._metrics[0]

    def _difference(self, before: np.ndarray, after: np.ndarray) -> Image.Image:
        """What was removed, as `RestorationRun` shows it, of 8 bits."""
        top, result = np.iinfo(before.dtype).max, np.empty(before.shape, np.uint8)
        for window in strips(*before.shape[:2]):
            removed = before[window.slices].astype(np.float32) - after[window.slices]
            levels = 127.5 + 255 / top * REMOVED_GAIN * removed
            result[window.slices] = levels.round().clip(0, 255)
        return Image.fromarray(result)


def _named(found: Likeness, prefix: str = "") -> dict[str, float]:
    return {f"{prefix}psnr": found.psnr, f"{prefix}ssim": found.ssim}
