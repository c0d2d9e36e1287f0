"""What a restoration will cost, before it starts: pixels that the network sees, and seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

from ..core.denoiser import TiledDenoiser, tile_starts

if TYPE_CHECKING:
    from ..core.denoiser import Denoiser, UNetDenoiser

# A probe of the network's speed: large enough for its time to go with its pixels.
PROBE_PX = 96
FEWEST_PROBES = 3

_speeds: WeakKeyDictionary[object, float] = WeakKeyDictionary()


def tiled_pixels(height: int, width: int, tile_px: int | None, overlap_px: int) -> int:
    """Pixels that the network sees in one evaluation of a picture: tiles overlap.

    Args:
        height, width: of the picture.
        tile_px, overlap_px: as for `TiledDenoiser`; None for no tiles.
    """
    if tile_px is None:
        return height * width
    rows = len(tile_starts(height, tile_px, overlap_px))
    return rows * len(tile_starts(width, tile_px, overlap_px)) * tile_px**2


def evaluation_pixels(denoiser: Denoiser, height: int, width: int) -> int:
    """As `tiled_pixels`, for a denoiser."""
    if isinstance(denoiser, TiledDenoiser):
        return tiled_pixels(height, width, denoiser.tile_px, denoiser.overlap_px)
    return height * width


def seconds(denoiser: UNetDenoiser, pixels: int, probe_s: float = 0.0) -> float:
    """How long the network takes for so many pixels here, from one tile that is timed.

    Args:
        denoiser, pixels: what is asked of what.
        probe_s: how long it is timed, at least three times: beside other work one forward pass
            in several comes through undisturbed.
    """
    # Timed each time, and the best of all is believed: a first one falls into the start of the
    # app, or beside another's run.
    speed = max(_measure(denoiser, probe_s), _speeds.get(denoiser.unet, 0.0))
    _speeds[denoiser.unet] = speed
    return pixels / speed


@torch.inference_mode()
def _measure(denoiser: UNetDenoiser, probe_s: float) -> float:
    """Pixels a second, the first, slower forward pass left out."""
    x = torch.zeros(1, denoiser.channels, PROBE_PX, PROBE_PX, device=denoiser.device)
    best, begun, count = float("inf"), time.perf_counter(), 0
    while count < FEWEST_PROBES or time.perf_counter() - begun < probe_s:
        count += 1
        started = time.perf_counter()
        # The result is looked at, so that a device that works by itself has finished.
        float(denoiser.predict(x, 500.0).x0.sum())
        best = min(best, time.perf_counter() - started)
    return x.shape[-2] * x.shape[-1] / best
