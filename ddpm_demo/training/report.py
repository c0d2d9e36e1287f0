"""What a data set is, told before the first step."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

MAX_NAMED = 50
FEW_IMAGES = 50
SMALL_SHARE = 0.5
ELONGATED = 2.5
GREY_MODES = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


@dataclass(frozen=True)
class DataReport:
    """The dataset report.

    Args:
        num_images: that can be trained on; None for a stream of unknown length.
        sizes: the commonest "WIDTHxHEIGHT" and how many have it.
        modes: "L", "RGB", "RGBA", "P", "CMYK", "I;16" ... as the files have them.
        num_animated: of which the first frame is taken.
        num_duplicates: pictures that equal an earlier one once made ready for training.
        skipped: (name, reason) of the first unusable files.
        num_skipped: of all unusable files.
        advice: keys: "no_spare_images" (fewer pictures than a batch), "few_images", "small_images"
            (most are smaller than the training size), "elongated_images" (much is cut off),
            "duplicates", "turned_grey" (colour that the network will not see).
    """

    num_images: int | None
    sizes: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    num_animated: int = 0
    num_duplicates: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    num_skipped: int = 0
    advice: tuple[str, ...] = ()


class ReportBuilder:
    """Counts pictures as they are read.

    Args:
        size_px: of training, for the advice.
        batch_size, channels: likewise.
    """

    def __init__(self, size_px: int, batch_size: int, channels: int = 3):
        self.size_px = size_px
        self.batch_size = batch_size
        self.channels = channels
        self.num_images = 0
        self._sizes: Counter[str] = Counter()
        self._modes: Counter[str] = Counter()
        self._hashes: Counter[bytes] = Counter()
        self._animated = self._small = self._elongated = self._num_skipped = 0
        self._skipped: list[tuple[str, str]] = []

    def add(
        self, width: int, height: int, mode: str, animated: bool, ready: np.ndarray | None
    ) -> None:
        """One usable picture; `ready` is what training will see of it, None not to compare."""
        self.num_images += 1
        self._sizes[f"{width}x{height}"] += 1
        self._modes[mode] += 1
        self._animated += animated
        self._small += min(width, height) < self.size_px
        self._elongated += max(width, height) > ELONGATED * min(width, height)
        if ready is not None:
            self._hashes[hashlib.blake2b(ready.tobytes(), digest_size=16).digest()] += 1

    def skip(self, name: str, reason: str) -> None:
        """One unusable file."""
        self._num_skipped += 1
        if len(self._skipped) < MAX_NAMED:
            self._skipped.append((name, reason))

    def build(self, known_length: bool = True) -> DataReport:
        """The report of all that was added."""
        duplicates = sum(count - 1 for count in self._hashes.values())
        advice = {
            "no_spare_images": known_length and self.num_images < self.batch_size,
            "few_images": known_length and self.num_images < FEW_IMAGES,
            "small_images": self._small > SMALL_SHARE * self.num_images,
            "elongated_images": self._elongated > 0,
            "duplicates": duplicates > 0,
            "turned_grey": self.channels == 1 and not GREY_MODES.issuperset(self._modes),
        }
        return DataReport(
            num_images=self.num_images if known_length else None,
            sizes=dict(self._sizes.most_common(8)),
            modes=dict(self._modes.most_common()),
            num_animated=self._animated,
            num_duplicates=duplicates,
            skipped=tuple(self._skipped),
            num_skipped=self._num_skipped,
            advice=tuple(key for key, given in advice.items() if given),
        )
