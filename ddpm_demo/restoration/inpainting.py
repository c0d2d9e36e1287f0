"""A picture with holes, hole by hole: each cut out with the surroundings it needs, filled, and put
back; wide ones from coarse to fine. What is known stays as it was, to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..core.denoiser import Denoiser, TiledDenoiser
from ..core.noise import NoiseSource
from ..core.step import Step
from . import grain, settings, solve
from .blend import Restoration
from .canvas import Canvas, from_pixels
from .coarse_to_fine import View, coarse_to_fine, factors_for, num_visits, reduce_known
from .cutting import MARGIN_PX, Cut, find_cuts
from .effort import tiled_pixels
from .grain import Grain
from .greyness import Tone, tone
from .liveliness import relative_power
from .pieces import Piece, Pieces
from .recipe import RestorationRecipe
from .repaint import NUM_STEPS, repaint, repaint_visits
from .window import Window, fitted

if TYPE_CHECKING:
    from ..pictures.compression import Compression
    from ..recipes.prior import Prior

# The network takes a cut whole up to this side, in tiles above: a hole that it sees with all its
# rim comes out better than one that lies in the overlap of four tiles (benchmarks/holes.py).
MAX_WHOLE_PX = 128
# Pixels of a picture that say whether it has one tone.
TONE_SAMPLE = 40_000
# No picture is reduced below this side.
MIN_SEEN_PX = 16


@dataclass(frozen=True)
class Plan:
    """What is to be filled.

    Args:
        canvas: of the picture with its holes.
        hole: bool [H, W], True = to fill.
        feather_px: how far the filling fades into what is known.
        time_travel: see `chain.restore`.
        method: "engine" or "repaint".
        compression: of the JPEG that the picture is from; None for others.
    """

    canvas: Canvas
    hole: np.ndarray
    feather_px: float = 0.0
    time_travel: int = 0
    method: str = "engine"
    compression: Compression | None = None


def fill(prior: Prior, recipe: RestorationRecipe, plan: Plan) -> Pieces:
    """The holes of a picture, filled one after the other.

    Args:
        prior: of photographs.
        recipe: what is wanted.
        plan: the picture and its holes.
    """
    return _Filling(prior, recipe, plan).pieces()


def observed(plan: Plan) -> np.ndarray:
    """The picture with everything grey that is made anew."""
    pixels = plan.canvas.pixels.copy()
    pixels[grown(plan.hole, round(plan.feather_px))] = round(plan.canvas.top / 2)
    return pixels


class _Filling:
    """The work of `fill`, which knows what has been filled so far."""

    def __init__(self, prior: Prior, recipe: RestorationRecipe, plan: Plan):
        self.prior, self.recipe, self.plan = prior, recipe, plan
        self.how = solve.Settings(time_travel=plan.time_travel)
        self.spectrum = settings.spectrum(prior.info)
        self.rings = round(plan.feather_px)
        # Feathered pixels are made anew too.
        self.unknown = grown(plan.hole, self.rings)
        self.given_unknown = self.unknown.copy()
        is_engine = plan.method == "engine"
        num_sources = solve.num_sources(recipe, self.how) if is_engine else recipe.num_images
        self.num_chains = solve.num_chains(recipe) if is_engine else recipe.num_images
        self.noise = NoiseSource.for_run(recipe.seed, num_sources, prior.device)
        self.done: list[tuple[Window, np.ndarray, Tensor]] = []
        self.tone = self._tone()
        self.grain: Grain | None = None

    def pieces(self) -> Pieces:
        cuts = find_cuts(self.unknown.copy(), self.num_chains)
        if self.plan.method == "engine":
            self.grain = self._grain(cuts)
        make = self._by_repaint if self.plan.method == "repaint" else self._by_engine
        return Pieces(self.plan.canvas, [make(cut) for cut in cuts])

    def _by_engine(self, cut: Cut) -> Piece:
        factors = factors_for(cut.width_px, max_factor=min(self.plan.hole.shape) // MIN_SEEN_PX)
        windows = self._windows(cut, factors)
        level = (lambda factor: 0.0) if self.grain is None else self.grain.level

        def start() -> Restoration:
            views = [
                self._view(window, factor, level(factor))
                for window, factor in zip(windows, factors, strict=True)
            ]
            steps = coarse_to_fine(
                self._denoiser, views, self.spectrum, self.recipe, self.how, self.noise
            )
            return self._restoration(steps, windows[-1])

        visits = num_visits(factors, self.spectrum, self.recipe, self.how)
        pixels = sum(
            count * self._seen_pixels(window, factor)
            for count, window, factor in zip(visits, windows, factors, strict=True)
        )
        return self._piece(cut, windows[-1], start, sum(visits), pixels)

    def _view(self, window: Window, factor: int, sigma_y: float) -> View:
        y, known = reduce_known(*self._seen(window), factor)
        # Of what was uploaded: what has been filled already differs from chain to chain.
        upload = self.plan.canvas.view(window).to(self.prior.device)
        given = torch.from_numpy(~self.given_unknown[window.slices]).to(upload)[None, None]
        power = relative_power(*reduce_known(upload, given, factor), self.spectrum, sigma_y)
        return View(window, factor, y, known, sigma_y, power)

    def _by_repaint(self, cut: Cut) -> Piece:
        window, schedule = self._windows(cut, [1])[0], self.prior.schedule
        num_steps = self.recipe.num_steps or min(NUM_STEPS, schedule.num_timesteps)

        def start() -> Restoration:
            y, known = self._seen(window)
            view = View(window, 1, y, known)
            steps = repaint(self._denoiser(view), y, known, self.noise, num_steps)
            return self._restoration(steps, window)

        visits = repaint_visits(num_steps)
        downwards = sum(b < a for a, b in zip(visits, visits[1:], strict=False))
        pixels = downwards * self._seen_pixels(window, 1)
        return self._piece(cut, window, start, downwards, pixels)

    def _restoration(self, steps: Iterator[Step], window: Window) -> Restoration:
        recipe = self.recipe

        def finish(x: Tensor) -> Tensor:
            if self.grain is not None and recipe.perception > 0:
                x = x + recipe.perception * self.grain.noise(window, x)
            return x if self.tone is None else self.tone.onto(x)

        return Restoration(steps, recipe.num_images, recipe.perception, finish=finish)

    def _grain(self, cuts: Sequence[Cut]) -> Grain | None:
        """The noise near the holes."""
        canvas = self.plan.canvas
        return grain.find(
            canvas.view,
            self.unknown,
            [cut.box for cut in cuts],
            canvas.channels,
            canvas.pixels.ndim == 2 or self.tone is not None,
            self.plan.compression,
            self.recipe.seed,
        )

    def _tone(self) -> Tone | None:
        """The one tone of what is known; see `greyness`."""
        height, width = self.unknown.shape
        every = max(1, int((height * width / TONE_SAMPLE) ** 0.5))
        pixels = self.plan.canvas.pixels[::every, ::every]
        known = pixels[~self.unknown[::every, ::every]]
        if pixels.ndim == 2 or self.plan.canvas.channels != 3 or not len(known):
            return None
        return tone(from_pixels(known[None], 3))

    def _piece(
        self,
        cut: Cut,
        window: Window,
        start: Callable[[], Restoration],
        num_steps: int,
        pixels: int,
    ) -> Piece:
        inside = cut.box.within(window)

        def finished(samples: Tensor) -> None:
            self.done.append((cut.box, cut.own, samples.clone()))
            self.unknown[cut.box.slices] &= ~cut.own

        weight = self._weight(cut.box) * cut.own
        effort = pixels * self.num_chains
        return Piece(cut.box, lambda: weight, start, num_steps, inside, finished, effort)

    def _weight(self, box: Window) -> np.ndarray:
        """What the filling counts in a window: 1 in the hole, falling to 0 around it."""
        height, width = self.plan.hole.shape
        top, rows = fitted(box.top, box.bottom, self.rings, height)
        left, columns = fitted(box.left, box.right, self.rings, width)
        around = Window(top, left, rows, columns)
        hole = self.plan.hole[around.slices]
        total = hole.astype(np.float32)
        for ring in range(1, self.rings + 1):
            total += grown(hole, ring)
        return (total / (self.rings + 1))[box.within(around).slices]

    def _windows(self, cut: Cut, factors: Sequence[int]) -> list[Window]:
        """A cut with its surroundings at each size, so that no tile is wasted; each window lies
        within the one before, but for pixels left over at the picture's edge."""
        height, width = self.plan.hole.shape
        inner, windows = cut.box, []
        for factor in reversed(factors):
            margin = MARGIN_PX if inner is cut.box else 0
            rows = max(self._wanted(cut.box.height, factor), -(-inner.height // factor) + margin)
            columns = max(self._wanted(cut.box.width, factor), -(-inner.width // factor) + margin)
            top, height_px = centred(inner.top, inner.bottom, rows, height, factor)
            left, width_px = centred(inner.left, inner.right, columns, width, factor)
            inner = Window(top, left, height_px, width_px)
            windows.insert(0, inner)
        return windows

    def _wanted(self, length: int, factor: int) -> int:
        """Pixels of a window, reduced, along a side of so many to be filled."""
        info = self.prior.info
        wanted = -(-length // factor) + 2 * MARGIN_PX
        if info.tile_px is None:
            return wanted
        tile, overlap = info.tile_px, info.overlap_px or 0
        if wanted <= tile:
            return tile
        if wanted <= MAX_WHOLE_PX:
            return -(-wanted // 8) * 8
        return -(-(wanted - overlap) // (tile - overlap)) * (tile - overlap) + overlap

    def _seen(self, window: Window) -> tuple[Tensor, Tensor]:
        """y [1 or n, C, h, w] and known [1, 1, h, w] of a window, with what is filled already."""
        device = self.prior.device
        y = self.plan.canvas.view(window)
        known = torch.from_numpy(~self.unknown[window.slices]).to(y.dtype)[None, None]
        for box, own, samples in self.done:
            if box.overlaps(window):
                y = y.expand(len(samples), -1, -1, -1).clone()
                _paste(y, window, box, own, samples.to(y))
        return (y * known).to(device), known.to(device)

    def _denoiser(self, view: View) -> Denoiser:
        info = self.prior.info
        if not self._is_tiled(*view.y.shape[-2:]):
            return self.prior.denoiser
        return TiledDenoiser(self.prior.denoiser, info.tile_px, info.overlap_px or 0)

    def _is_tiled(self, height: int, width: int) -> bool:
        tile_px = self.prior.info.tile_px
        return tile_px is not None and max(height, width) > max(tile_px, MAX_WHOLE_PX)

    def _seen_pixels(self, window: Window, factor: int) -> int:
        height, width = window.height // factor, window.width // factor
        info = self.prior.info
        tile_px = info.tile_px if self._is_tiled(height, width) else None
        return tiled_pixels(height, width, tile_px, info.overlap_px or 0)


def grown(hole: np.ndarray, pixels: int) -> np.ndarray:
    """A hole, bool [H, W], with so many pixels around it, diagonal ones too."""
    result = hole.copy()
    done = 0
    while done < pixels:  # what has grown by k grows by k at most at a time
        step = min(pixels - done, done + 1)
        for axis in (0, 1):
            before = result.copy()
            ahead = [slice(None), slice(None)]
            behind = [slice(None), slice(None)]
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            result[tuple(ahead)] |= before[tuple(behind)]
            result[tuple(behind)] |= before[tuple(ahead)]
        done += step
    return result


def centred(start: int, end: int, wanted: int, length: int, factor: int = 1) -> tuple[int, int]:
    """(first, count) of `wanted` reduced pixels around [start, end) of [0, length), first and
    count in full pixels and multiples of the factor; fewer where the picture has no more."""
    count = min(wanted, length // factor)
    middle = (start + end) / 2 / factor
    first = round(middle - count / 2)
    first = min(max(0, first), length // factor - count)
    return first * factor, count * factor


def _paste(y: Tensor, window: Window, box: Window, own: np.ndarray, samples: Tensor) -> None:
    """Write filled pixels of a box into y, a window's."""
    top, left = max(box.top, window.top), max(box.left, window.left)
    bottom, right = min(box.bottom, window.bottom), min(box.right, window.right)
    common = Window(top, left, bottom - top, right - left)
    there, here = common.within(window).slices, common.within(box).slices
    place, mask = y[(..., *there)], torch.from_numpy(own[here])
    place[...] = torch.where(mask, samples[(..., *here)], place)
