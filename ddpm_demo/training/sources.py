"""Opens whatever `TrainConfig.data` names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .config import TrainConfig
from .data import ArraySource, ImageSource


@dataclass(frozen=True)
class DataReport:
    """What the data set is, told before the first step."""

    num_images: int


def open_source(config: TrainConfig) -> tuple[ImageSource, DataReport]:
    images = np.load(Path(config.data) / "train.npy", mmap_mode="r", allow_pickle=False)
    return ArraySource(images), DataReport(len(images))
