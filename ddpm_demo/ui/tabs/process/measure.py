"""The loaded checkpoint over a sample of data: the loss at each t, the bound and its terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...models import Models
from ...restoration.pictures import example_path
from ...spaces_gpu import gpu
from .subject import subject_of

if TYPE_CHECKING:
    from torch import Tensor

    from ....evaluation.bits import BitsPerDimension
    from ....pipeline import DDPM

LOSS_TIMESTEPS = 24
BOUND_TIMESTEPS = 24


@dataclass(frozen=True)
class Measured:
    """What is known so far.

    Args:
        done, total: evaluations of the network, of the whole sample.
        num_images: of the sample.
        is_heldout: the sample is of pictures held out of training; else it is the visitor's.
        prediction_type: what the network was trained on.
        losses: (t, error of eps, of x_0, of v) as far as measured; t in noising steps.
        bound: at the end.
        strata: (first t, last t, bits per dimension) of each range of the transitions.
    """

    done: int
    total: int
    num_images: int
    is_heldout: bool
    prediction_type: str
    losses: list[tuple[int, float, float, float]]
    bound: BitsPerDimension | None = None
    strata: list[tuple[int, int, float]] = field(default_factory=list)


@gpu
def measure(models: Models, checkpoint: str, image: str | None, seed: float) -> Iterator[Measured]:
    """Measure step by step.

    Raises:
        UserError: no such checkpoint, no picture, a seed out of range.
    """
    from ....core.noise import NoiseSource
    from ....evaluation.bits import stratified_timesteps, summarise
    from ....process.training_step import loss_per_t, prediction_type_of, spread_timesteps
    from ....process.vlb import bound_terms, prior_term

    subject = subject_of(models, checkpoint, image, seed)
    ddpm, schedule = subject.ddpm, subject.ddpm.schedule
    held_out = held_out_sample(ddpm)
    x_0 = (subject.x_0 if held_out is None else held_out).to(ddpm.device)
    timesteps = spread_timesteps(schedule.num_timesteps, LOSS_TIMESTEPS)
    chosen = stratified_timesteps(
        schedule.num_timesteps, min(BOUND_TIMESTEPS, schedule.num_timesteps), subject.seed
    )
    total = len(timesteps) + len(chosen)
    known: dict[str, Any] = {
        "total": total,
        "num_images": len(x_0),
        "is_heldout": held_out is not None,
        "prediction_type": prediction_type_of(ddpm.denoiser),
    }
    losses: list[tuple[int, float, float, float]] = []
    noise = NoiseSource.for_run(subject.seed, len(x_0), x_0.device)
    for loss in loss_per_t(ddpm.denoiser, x_0, timesteps, noise):
        losses.append((loss.t + 1, loss.eps, loss.x0, loss.v))
        yield Measured(done=len(losses), losses=list(losses), **known)
    terms = []
    noise = NoiseSource.for_run(subject.seed, len(x_0), x_0.device)
    for term in bound_terms(ddpm.denoiser, x_0, [t for t, _ in chosen], noise, ddpm.variance):
        terms.append(term)
        yield Measured(done=len(losses) + len(terms), losses=losses, **known)
    weights = [weight for _, weight in chosen]
    bound = summarise(terms, weights, prior_term(schedule, x_0), x_0[0].numel())
    strata = strata_of(bound.terms[1:], weights[1:])
    yield Measured(done=total, losses=losses, bound=bound, strata=strata, **known)


def strata_of(terms: tuple[float, ...], weights: list[int]) -> list[tuple[int, int, float]]:
    """(first t, last t, bits) of the ranges that each term stands for; t in noising steps."""
    found, first = [], 2
    for bits, weight in zip(terms, weights, strict=True):
        found.append((first, first + weight - 1, bits * weight))
        first += weight
    return found


def held_out_sample(ddpm: DDPM) -> Tensor | None:
    """Pictures held out of the checkpoint's training, [B, C, H, W]; None where there are none."""
    import torch

    from ....pictures.images import load_image, to_tensor

    name = Path(ddpm.info.name).name
    path = Path(example_path(f"heldout-{name}.png"))
    if ddpm.info.source != "bundled" or not path.exists():
        return None
    sheet = to_tensor(load_image(path), ddpm.denoiser.channels)
    side = ddpm.info.size_px
    rows = sheet.split(side, dim=2)
    return torch.cat([picture for row in rows for picture in row.split(side, dim=3)])
