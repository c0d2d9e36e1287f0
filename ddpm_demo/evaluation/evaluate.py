"""Everything that `python -m ddpm_demo evaluate` measures of a checkpoint that makes whole things.

What each number is stands in docs/evaluation.md. Restoring photographs is measured in `photos`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from torch import Tensor

from ..checkpoints.library import CheckpointInfo
from ..core.denoiser import use
from ..core.device import process_share
from ..core.noise import NoiseSource
from ..errors import UserError
from ..pipeline import DDPM
from ..samplers.table import few_steps_of
from ..tasks.generate import GenerateRecipe
from ..training.data import to_model
from ..version import __version__
from .bits import BitsPerDimension, bits_per_dimension
from .config import LOWEST, EvaluationConfig
from .data import RealImages, open_real
from .distances import Kid, fid, kid, precision_recall
from .features import Extractor, cached_features, load_extractor
from .neighbours import Memorisation, memorisation
from .samples import sample_images

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """What was measured; None where it was not.

    Args:
        recipe: complete: what the samples were made with.
        weight_hash: of the checkpoint.
        features: the extractor, in words.
        data: name of the data set.
        is_heldout: the reference pictures were held out of training.
        num_images, num_reference: samples and reference pictures compared.
        kid, fid: between samples and reference.
        kid_floor, fid_floor: between two halves of the reference: the best there is to get.
        precision, recall: of `precision_recall`.
        memory_pixels, memory_features: the memorisation check in either space.
        bits: bits per dimension of held-out pictures, and what they are made of.
        seconds: of each stage.
        version: of this program.
    """

    recipe: GenerateRecipe
    weight_hash: str
    features: str
    data: str
    is_heldout: bool
    num_images: int
    num_reference: int
    kid: Kid
    kid_floor: Kid
    fid: float
    fid_floor: float
    precision: float
    recall: float
    memory_pixels: Memorisation | None
    memory_features: Memorisation | None
    bits: BitsPerDimension | None
    seconds: dict[str, float]
    version: str = __version__


@dataclass
class _Clock:
    """Times the stages and passes their progress on."""

    on_progress: Progress | None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        started = time.perf_counter()

        def tell(done: int) -> None:
            if self.on_progress is not None:
                self.on_progress(name, done, total)

        tell(0)
        yield tell
        tell(total)
        self.seconds[name] = round(time.perf_counter() - started, 2)


class Pictures(NamedTuple):
    """uint8 [N, H, W, C] each: the samples; those nearest to a training picture, nearest first;
    and the training pictures they are near to (None where nothing is held out).
    """

    samples: np.ndarray
    near: np.ndarray | None
    near_train: np.ndarray | None


def evaluate(
    config: EvaluationConfig, on_progress: Progress | None = None
) -> tuple[Evaluation, Pictures] | None:
    """Sample, compare, report.

    Several processes share the sampling; the first of them does the rest, and the others get None.

    Args:
        config: what to measure.
        on_progress: told (stage, done, of how many).

    Raises:
        UserError: checkpoint, data, extractor or recipe cannot be had or do not go together.
    """
    clock = _Clock(on_progress)
    ddpm = DDPM.from_pretrained(config.recipe.checkpoint)
    recipe = config.recipe.complete(ddpm.info)
    assert recipe.size_px is not None
    extract = load_extractor(config.features, ddpm.device)
    real = open_real(config.data, recipe.size_px, ddpm.denoiser.channels)
    reference = reference_images(real, config)
    with clock.stage("sampling", config.num_images) as tell:
        samples = sample_images(ddpm, recipe, config.num_images, config.batch_size, tell)
    if process_share()[0]:
        return None
    with clock.stage("features of samples", len(samples)):
        fake = extract(samples)
    with clock.stage("features of real pictures", len(reference)) as tell:
        features = cached_features(extract, reference, config.cache, tell)
    # Shuffled: a data set may be sorted, and its halves would differ.
    order = np.random.default_rng(0).permutation(len(features))
    half = len(features) // 2
    halves = features[order[:half]], features[order[half : 2 * half]]
    with clock.stage("distances", 1):
        precision, recall = precision_recall(features[order], fake)
        distances = {
            "kid": kid(features, fake),
            "kid_floor": kid(*halves),
            "fid": fid(features, fake),
            "fid_floor": fid(*halves),
        }
    memory = _memorisation(config, real, samples, fake, features, extract, clock)
    # What was made for a few noise levels has no likelihood.
    has_bits = config.num_bits > 0 and not few_steps_of(ddpm.info)
    measured = Evaluation(
        # A path says more about this machine than about the checkpoint.
        recipe=recipe.replace(checkpoint=public_name(ddpm.info)),
        weight_hash=ddpm.info.weight_hash,
        features=extract.title,
        data=real.name,
        is_heldout=real.is_heldout,
        num_images=len(samples),
        num_reference=len(reference),
        precision=precision,
        recall=recall,
        memory_pixels=memory[0],
        memory_features=memory[1],
        bits=_bits(config, ddpm, reference, clock) if has_bits else None,
        seconds=clock.seconds,
        **distances,
    )
    pictures = Pictures(samples, None, None)
    if memory[0] is not None and real.train is not None:
        near = memory[0].nearest
        chosen = [i for i, _, _ in near], [j for _, j, _ in near]
        pictures = Pictures(samples, samples[chosen[0]], real.train[chosen[1]])
    return measured, pictures


def reference_images(real: RealImages, config: EvaluationConfig) -> np.ndarray:
    """The pictures that samples are compared with.

    Raises:
        UserError: there are too few for two halves to be compared.
    """
    reference = real.reference[: config.num_real]
    if len(reference) < LOWEST["num_real"]:
        raise UserError(
            "evaluation_too_few",
            "There are only {count} pictures to compare with, and at least {low} are needed.",
            field="data",
            count=len(reference),
            low=LOWEST["num_real"],
        )
    return reference


def public_name(info: CheckpointInfo) -> str:
    """What to call a checkpoint in a report: its name, or its folder's last part for a path."""
    return info.folder.name if info.source == "local" else info.name


def _memorisation(
    config: EvaluationConfig,
    real: RealImages,
    samples: np.ndarray,
    fake: Tensor,
    features: Tensor,
    extract: Extractor,
    clock: _Clock,
) -> tuple[Memorisation | None, Memorisation | None]:
    """The check in pixels and in features; None for data of which nothing is held out."""
    if not real.is_heldout or real.train is None:
        return None, None
    # As many of each, so that the medians are equally sure.
    count = min(len(samples), len(features))
    train = real.train[: config.num_train]
    with clock.stage("nearest in pixels", len(train)) as tell:
        pixels = memorisation(samples[:count], real.reference[:count], train, tell)
    if not config.num_train_features:
        return pixels, None
    train = train[: config.num_train_features]
    with clock.stage("features of training pictures", len(train)) as tell:
        train_features = cached_features(extract, train, config.cache, tell)
    with clock.stage("nearest in features", len(train)) as tell:
        return pixels, memorisation(fake[:count], features[:count], train_features, tell)


def _bits(
    config: EvaluationConfig, ddpm: DDPM, reference: np.ndarray, clock: _Clock
) -> BitsPerDimension:
    pictures = to_model(np.array(reference[: config.num_bits])).to(ddpm.device)
    noise = NoiseSource.for_run(config.recipe.seed, len(pictures), ddpm.device)
    timesteps = min(config.bits_timesteps, ddpm.schedule.num_timesteps)
    with clock.stage("bits per dimension", timesteps) as tell:
        return bits_per_dimension(
            use(ddpm.denoiser, "float32"),  # at t = 0 half precision would cost bits
            pictures,
            noise,
            num_timesteps=timesteps,
            variance=ddpm.variance,
            on_term=lambda done, _: tell(done),
        )
