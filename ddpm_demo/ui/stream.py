"""From a pipeline's run to pictures that can be shown, stored and sent between processes.

`snapshots` is the one place where the page touches the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from PIL import Image

from .in_turn import stop_with_caller
from .models import Models
from .spaces_gpu import gpu
from .work_limit import check_work

if TYPE_CHECKING:
    from ..core.progress import Progress
    from ..errors import UserError
    from ..pipeline import DDPM
    from ..recipes.recipe import Recipe
    from ..recipes.run import Run

# Of a picture's longer side; a sheet of small ones may be as wide as two of these.
MAX_PREVIEW_PX = 512
# The stage is about as wide and high as this, in pixels of a screen.
_STAGE_PX = (1000, 460)


@dataclass(frozen=True)
class Job:
    """A checked request, ready to run.

    Args:
        recipe: what was asked for.
        start: a function of a module (it is pickled on ZeroGPU) that makes the run.
        inputs: what the task needs besides, such as uploaded pictures.
        with_eps: the predicted noise is shown too.
        on_stage: its pictures stand side by side on a stage, which is wide; else in a square.
        source: path of the upload that the results are made from; results are written as it is.

    Attributes:
        counts: what a step of it is: "step", or "cell" of a sheet.
    """

    counts: ClassVar[str] = "step"

    recipe: Recipe
    start: Callable[[DDPM, Recipe, Mapping[str, Any]], Run]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    with_eps: bool = False
    on_stage: bool = False
    source: str | None = None

    def snapshots(self, models: Models, begun: list[Progress] | None = None) -> Iterator[Snapshot]:
        """`snapshots` of this job."""
        return snapshots(models, self, begun)

    def picture_name(self, index: int) -> str:
        """As `Recipe.picture_name`."""
        return self.recipe.picture_name(index)


@dataclass(frozen=True)
class Snapshot:
    """One step of a run as pictures.

    Args:
        index, num_steps, t, num_evaluations: as in `samplers.Step`.
        x_t, x0_hat: the first pictures of the run side by side, at most 512 pixels wide or high.
        num_shown, num_images: how many pictures those are, and how many the run has.
        columns: how many of them stand in a row.
        images: every picture of x0_hat.
        metadata: what each picture's file says of the run, in the order of `images`.
        extras: what the run has besides.
        eps: the predicted noise like x_t, None where it is not asked for.
        warnings: what the visitor should know of the run.
    """

    index: int
    num_steps: int
    t: float
    num_evaluations: int
    x_t: Image.Image
    x0_hat: Image.Image
    num_shown: int
    num_images: int
    images: Sequence[Image.Image]
    metadata: Sequence[dict[str, Any]]
    extras: Mapping[str, Any] = field(default_factory=dict)
    eps: Image.Image | None = None
    warnings: Sequence[UserError] = ()
    columns: int = 1


@gpu
def snapshots(models: Models, job: Job, begun: list[Progress] | None = None) -> Iterator[Snapshot]:
    """Run the job and yield each step.

    Args:
        models, job: what is run.
        begun: is given the run's progress, to be read meanwhile from another thread. On ZeroGPU
            the run is in another process, and nothing comes.

    Raises:
        UserError: the checkpoint cannot be loaded or cannot do what the recipe says, or that is
            too much work.
    """
    from ..pictures.images import to_pil

    ddpm = models.load(job.recipe.checkpoint)
    run = job.start(ddpm, job.recipe, job.inputs)
    stop_with_caller(run.stop)
    if begun is not None:
        begun.append(run.progress)
    for step in run:
        check_work(step)
        images = run.pictures(step)
        shown = preview_count(len(images), max(images[0].size))
        columns, eps = math.ceil(math.sqrt(shown)), None
        if job.on_stage:
            columns = sheet_columns(shown, images[0].size)
        if job.with_eps:
            eps = ddpm.schedule.eps_from_x0(step.x_t[:shown], step.x0_hat[:shown], step.t)
        yield Snapshot(
            index=step.index,
            num_steps=step.num_steps,
            t=step.t,
            num_evaluations=step.num_evaluations,
            x_t=preview_grid(to_pil(step.x_t[:shown]), columns),
            x0_hat=preview_grid(images[:shown], columns),
            num_shown=shown,
            num_images=len(images),
            images=images,
            metadata=[run.metadata(i) for i in range(len(images))],
            extras=_extras(run),
            eps=None if eps is None else preview_grid(to_pil(eps), columns),
            columns=columns,
            warnings=run.warnings,
        )


def _extras(run: Run) -> dict[str, Any]:
    """The pictures beside the result, and what their captions say."""
    if not type(run.recipe).beside:
        return {}
    return {**run.beside(), **run.captions()}


def preview_count(num_images: int, side_px: int) -> int:
    """How many pictures of that size the live view shows."""
    per_side = max(1, MAX_PREVIEW_PX // side_px)
    return min(num_images, per_side**2)


def preview_grid(images: Sequence[Image.Image], columns: int = 0) -> Image.Image:
    """`sheet_of` the pictures about as wide as high, or of `columns`, reduced to what is seen."""
    grid = sheet_of(images, columns or math.ceil(math.sqrt(len(images))))
    widest = MAX_PREVIEW_PX if len(images) == 1 else 2 * MAX_PREVIEW_PX
    if grid.width > widest or grid.height > MAX_PREVIEW_PX:
        grid.thumbnail((widest, MAX_PREVIEW_PX), Image.Resampling.BOX)
    return grid


def sheet_of(images: Sequence[Image.Image], columns: int) -> Image.Image:
    """The pictures side by side, without gaps that a dark page would show; what is left of the
    last row is transparent for the same reason."""
    from ..pictures.images import make_grid

    grid = make_grid(images, columns=columns, gap_px=0)
    in_last_row = len(images) % columns
    if in_last_row:
        width, height = images[0].size
        grid.putalpha(255)
        nothing = Image.new(grid.mode, ((columns - in_last_row) * width, height))
        grid.paste(nothing, (in_last_row * width, grid.height - height))
    return grid


def sheet_columns(count: int, size: tuple[int, int]) -> int:
    """How many of `count` pictures of `size` (width, height) stand in a row, so that they are
    seen as large as a stage lets them be: by whole factors, then with the fewest empty places."""

    def seen(columns: int) -> tuple[float, int, int]:
        rows = math.ceil(count / columns)
        fits = min(_STAGE_PX[0] / (columns * size[0]), _STAGE_PX[1] / (rows * size[1]))
        return math.floor(fits) if fits >= 1 else fits, -(columns * rows - count), -columns

    return max(range(1, count + 1), key=seen)
