"""The memorisation gauge: is what the network draws its own, a picture that it was shown, or
nothing of the kind yet?
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..pictures.images import make_grid, to_pil
from .config import TrainConfig
from .data import IndexedSamples, Samples, to_model
from .likeness import Likeness
from .nearest import nearest
from .pictures import resize_square

MAX_BYTES = 64 * 2**20  # of training pictures compared with
MAX_OWN = 128
COLUMNS = 8


@dataclass(frozen=True)
class Reading:
    """What the gauge says of some samples.

    Args:
        distance: median over the samples of the distance to the nearest training picture, as root
            mean square over pixels in 8-bit grey levels.
        ratio: to the same distance of training pictures from each other: about 1 for pictures as
            new as these are to one another, 0 for copies.
        unlike: how unlike the data they look (`likeness.Likeness`): up to about 1 for pictures of
            the same kind, more for noise, blurs and pictures of another kind.
        order: the samples, nearest first.
        index: for each sample, the number of the training picture among those compared.
    """

    distance: float
    ratio: float
    unlike: float
    order: tuple[int, ...]
    index: tuple[int, ...]


class Gauge:
    """Compares samples with training pictures.

    Args:
        pictures: uint8 [N, S, S, C], at least two.
        flips: training mirrors pictures, so a mirrored copy is a copy.
    """

    def __init__(self, pictures: np.ndarray, flips: bool):
        self.pictures = pictures
        self.flips = flips
        self.own_distance = self._own_distance()
        self._likeness = Likeness(pictures)

    @classmethod
    def of(cls, samples: Samples, config: TrainConfig) -> Gauge | None:
        """The gauge of a run; None for crops and streams, and for a single picture."""
        if config.fit != "resize" or not isinstance(samples, IndexedSamples):
            return None
        source, size_px = samples.source, max(config.sizes_px)
        limit = max(2, MAX_BYTES // (size_px**2 * config.channels))
        count = min(source.num_images, limit)
        if count < 2:
            return None
        numbers = np.linspace(0, source.num_images - 1, count).round().astype(int)
        squares = [resize_square(source.get(int(number)), size_px) for number in numbers]
        return cls(np.stack(squares), config.flips)

    def read(self, images: np.ndarray) -> Reading:
        """The reading for samples uint8 [B, S, S, C]."""
        distances, index = nearest(images, self.pictures)
        if self.flips:
            mirrored, where = nearest(images[:, :, ::-1].copy(), self.pictures)
            index = where.where(mirrored < distances, index)
            distances = distances.minimum(mirrored)
        median = float(distances.median())
        ratio = median / self.own_distance if self.own_distance else 1.0
        order, numbers = distances.argsort().tolist(), index.tolist()
        unlike = self._likeness.unlike(images)
        return Reading(median, ratio, unlike, tuple(order), tuple(numbers))

    def write_sheet(self, images: np.ndarray, reading: Reading, path: Path) -> None:
        """Saves the samples, nearest first, each above its training picture, as one PNG.

        Raises:
            OSError: the file cannot be written.
        """
        rows = []
        for first in range(0, len(images), COLUMNS):
            chosen = list(reading.order[first : first + COLUMNS])
            partners = [reading.index[number] for number in chosen]
            blank = [np.full_like(images[0], 255)] * (min(COLUMNS, len(images)) - len(chosen))
            rows += [*images[chosen], *blank, *self.pictures[partners], *blank]
        temporary = path.with_name(f".{path.name}")
        grid = make_grid(to_pil(to_model(np.stack(rows))), columns=min(COLUMNS, len(images)))
        grid.save(temporary, format="PNG")
        temporary.replace(path)

    def _own_distance(self) -> float:
        """Median distance of training pictures to the nearest other one."""
        count = len(self.pictures)
        numbers = np.linspace(0, count - 1, min(count, MAX_OWN)).round().astype(int)
        distances, _ = nearest(self.pictures[numbers], self.pictures, skip=numbers)
        return float(distances.median())
