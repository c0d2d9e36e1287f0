"""KID against steps, for each sampler and spacing: how a checkpoint's default is chosen.

Each point is written as soon as it is measured; a run that is started again goes on from there.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from ..core.device import process_share
from ..errors import UserError
from ..pipeline import DDPM
from ..samplers.table import SAMPLERS, sampler_info
from ..samplers.timesteps import make_timesteps
from ..tasks.generate import GenerateRecipe
from .distances import kid
from .features import Extractor
from .samples import sample_images

STEPS = (5, 10, 20, 50)
LEARNED = "learned"  # instead of a spacing: the checkpoint's own timesteps


@dataclass(frozen=True)
class Point:
    """KID of one way to sample.

    Args:
        sampler, spacing, num_steps: the way.
        num_evaluations: network evaluations a picture, which is what time goes into.
        num_images: samples measured.
        kid, kid_std: as `distances.Kid`.
    """

    sampler: str
    spacing: str
    num_steps: int
    num_evaluations: int
    num_images: int
    kid: float
    kid_std: float

    @property
    def label(self) -> str:
        """What a legend calls it."""
        return f"{SAMPLERS[self.sampler].title}, {self.spacing}"


def plan(
    samplers: Sequence[str],
    spacings: Sequence[str],
    steps: Sequence[int],
    learned: Mapping[str, Mapping[int, Sequence[float]]],
) -> list[tuple[str, str, int]]:
    """(sampler, spacing, steps) of every point; cheap ones first, so that a curve grows evenly.

    Args:
        samplers: names; all of them when empty.
        spacings: names; when empty "learned", the checkpoint's own timesteps, where it has such,
            and the sampler's own spacing elsewhere.
        steps: numbers of steps.
        learned: the checkpoint's timesteps, by sampler and number of steps.

    Raises:
        UserError: unknown sampler.
    """

    def own(name: str, num_steps: int) -> str:
        known = num_steps in learned.get(name, {})
        return LEARNED if known else sampler_info(name).spacing

    return [
        (name, spacing, num_steps)
        for num_steps in sorted(steps)
        for name in samplers or SAMPLERS
        for spacing in spacings or (own(name, num_steps),)
    ]


def measure_curve(
    ddpm: DDPM,
    real: Tensor,
    extract: Extractor,
    points: Sequence[tuple[str, str, int]],
    num_images: int,
    file: Path,
    batch_size: int = 50,
    on_point: Callable[[Point], None] | None = None,
) -> list[Point]:
    """The points, measured or read back from `file`, which is kept up to date.

    Args:
        ddpm: the checkpoint.
        real: features of the reference pictures.
        extract: the same extractor.
        points: as `plan` gives them.
        num_images: samples a point, seeds from 0.
        file: JSON; measured points of the same weights and settings in it are not repeated.
        batch_size: pictures a run.
        on_point: told each point as it is done.

    Raises:
        UserError: a spacing or number of steps that the schedule does not allow.
    """
    for _, spacing, num_steps in points:  # before hours are spent
        if spacing != LEARNED:
            make_timesteps(ddpm.schedule, num_steps, spacing)
    settings = {
        "checkpoint": ddpm.info.name,
        "weight_hash": ddpm.info.weight_hash,
        "features": extract.title,
        "num_images": num_images,
        "num_reference": len(real),
    }
    known = {(p.sampler, p.spacing, p.num_steps): p for p in _read_points(file, settings)}
    done = []
    for way in points:
        point = known.get(way) or _measure(ddpm, real, extract, *way, num_images, batch_size)
        known[way] = point
        done.append(point)
        if not process_share()[0]:  # the others of several processes have the same
            _write(file, {**settings, "points": [asdict(p) for p in known.values()]})
        if on_point is not None:
            on_point(point)
    return done


def _measure(
    ddpm: DDPM,
    real: Tensor,
    extract: Extractor,
    sampler: str,
    spacing: str,
    num_steps: int,
    num_images: int,
    batch_size: int,
) -> Point:
    recipe = GenerateRecipe(
        checkpoint=ddpm.info.name,
        sampler=sampler,
        spacing=None if spacing == LEARNED else spacing,
        num_steps=num_steps,
    )
    result = kid(real, extract(sample_images(ddpm, recipe, num_images, batch_size)))
    info = sampler_info(sampler)
    evaluations = info.evaluations_per_step * num_steps
    if not info.uses_langevin:  # Heun's second evaluation is left out in its last step
        evaluations -= info.evaluations_per_step - 1
    return Point(sampler, spacing, num_steps, evaluations, num_images, result.mean, result.std)


def _read_points(file: Path, settings: dict[str, object]) -> list[Point]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if {key: content.get(key) for key in settings} != settings:
            return []
        return [Point(**values) for values in content["points"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _write(file: Path, content: dict[str, object]) -> None:
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise UserError(
            "write_failed",
            "“{path}” cannot be written: {reason}.",
            field="out",
            path=str(file),
            reason=error.strerror or type(error).__name__,
        ) from error


def to_csv(points: Sequence[Point]) -> str:
    """The points as comma-separated values with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(Point.__dataclass_fields__)
    for point in points:
        writer.writerow(asdict(point).values())
    return buffer.getvalue()


def plot(points: Sequence[Point], title: str) -> bytes | None:
    """The curves as a PNG file: KID over network evaluations, both logarithmic; None without
    matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for label in dict.fromkeys(p.label for p in points):
        own = sorted((p for p in points if p.label == label), key=lambda p: p.num_evaluations)
        # The unbiased estimate may fall below 0, which a logarithm cannot show.
        shown = [max(p.kid, 1e-6) for p in own]
        axes.plot([p.num_evaluations for p in own], shown, marker="o", label=label)
    axes.set(xscale="log", yscale="log", xlabel="network evaluations", ylabel="KID", title=title)
    axes.grid(True, which="both", alpha=0.3)
    axes.legend(fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()
