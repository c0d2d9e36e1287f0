"""What an evaluation is to measure: frozen, checked before anything takes time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import check_range
from ..tasks.generate import GenerateRecipe
from .distances import NEIGHBOURS

MAX_IMAGES = 10**7
_MIN_IMAGES = NEIGHBOURS + 2
LOWEST = {
    "num_images": _MIN_IMAGES,
    "num_real": 2 * _MIN_IMAGES,  # each half is compared as a set of its own
    "num_train": 1,
    "num_train_features": 0,
    "num_bits": 0,
    "bits_timesteps": 2,
}


@dataclass(frozen=True)
class EvaluationConfig:
    """What to measure.

    Args:
        recipe: checkpoint, sampler, steps, spacing and first seed.
        data: the real pictures, as training reads them.
        num_images: samples, at least 5.
        num_real: held-out pictures compared with at most.
        num_train: training pictures that the memorisation check looks through in pixels.
        num_train_features: the same in features, which cost a forward pass each the first time;
            0 for no such check.
        num_bits: held-out pictures whose bits per dimension are computed; 0 for none, as for
            checkpoints that know a few noise levels only.
        bits_timesteps: evaluations for each of them, at most T; fewer leave the estimate unbiased.
        features: a key of `EXTRACTORS`.
        batch_size: pictures a sampling run.
        cache: folder for features of real pictures; None for no cache.
    """

    recipe: GenerateRecipe
    data: str
    num_images: int = 2000
    num_real: int = 5000
    num_train: int = 100_000
    num_train_features: int = 10_000
    num_bits: int = 64
    bits_timesteps: int = 100
    features: str = "efficientnet-lite0"
    batch_size: int = 50
    cache: Path | None = None

    def __post_init__(self) -> None:
        for name, low in LOWEST.items():
            check_range(name, getattr(self, name), low, MAX_IMAGES)
