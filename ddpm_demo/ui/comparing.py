"""A sheet on the page: the same way as a run, whose steps are its cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..compare.axes import axis_of
from ..compare.sheet import Sheet
from ..errors import UserError
from ..recipes.recipe import Recipe
from ..samplers.table import SAMPLERS
from .in_turn import stop_with_caller
from .models import Models
from .request import job_of, picture_of
from .spaces_gpu import gpu
from .stream import Job, Snapshot
from .work_limit import Budget, check_megapixels

if TYPE_CHECKING:
    from ..core.progress import Progress

# What is asked for, by the names of the controls.
AXES = ("compare_x", "compare_y")
PREVIEW_PX = 1024


@dataclass(frozen=True)
class SheetJob(Job):
    """A checked request for a sheet.

    Args:
        sheet: what is compared.
        language: of its captions.
    """

    counts: ClassVar[str] = "cell"

    sheet: Sheet | None = None
    language: str = "en"

    def snapshots(self, models: Models, begun: list[Progress] | None = None) -> Iterator[Snapshot]:
        return sheet_snapshots(models, self, begun)

    def picture_name(self, index: int) -> str:
        assert self.sheet is not None
        return "-".join(["compared", *(axis.field for axis in self.sheet.axes.values())])


def sheet_job_of(
    models: Models, task: type[Recipe], values: Mapping[str, Any], language: str
) -> SheetJob:
    """The job for a sheet.

    Args:
        models, task, values: as for `job_of`; also "compare_x", "compare_x_values", and the same
            of y, where no field of y is a single row.
        language: of the captions.

    Raises:
        UserError: as for `job_of`; also an axis that cannot be, or too much work.
    """
    job = job_of(models, task, values)
    axes = {}
    for name in AXES:
        field, typed = values.get(name), values.get(f"{name}_values")
        if not field and name == AXES[1]:
            continue
        with _Beside(f"{name}_values"):
            axes[name] = axis_of(task, str(field or ""), str(typed or ""))
            for value in axes[name].values if field == "checkpoint" else ():
                models.check(str(value))
    try:
        sheet = Sheet(job.recipe, *axes.values())
    except UserError as error:
        wrong = error.field
        for name, axis in axes.items():
            if wrong in (name[-1], axis.field):
                error.field = f"{name}_values"
        raise
    check_megapixels(_least_work(models, sheet, job))
    told = {f.name: getattr(job, f.name) for f in dataclasses.fields(Job)}
    # A sheet is no picture in the format and with the metadata of the upload.
    told |= {"source": None, "on_stage": True}
    return SheetJob(**told, sheet=sheet, language=language)


class _Beside:
    """What goes wrong within is said beside this control."""

    def __init__(self, field: str):
        self._field = field

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, UserError):
            error.field = self._field


def _least_work(models: Models, sheet: Sheet, job: Job) -> float:
    """Megapixel evaluations that the sheet takes at least, as far as its recipes tell."""
    picture, total = picture_of(job), 0.0
    for recipe in sheet.recipes.values():
        info = models.peek(recipe.checkpoint)
        side = getattr(recipe, "size_px", None) or (info.size_px if info is not None else 1)
        pixels = side**2
        if picture is not None and info is not None and info.prior == "photo":
            pixels = picture.width * picture.height
        sampler = SAMPLERS.get(getattr(recipe, "sampler", None) or "")
        steps = getattr(recipe, "num_steps", None) or 1
        steps *= sampler.evaluations_per_step if sampler is not None else 1
        total += getattr(recipe, "num_images", 1) * pixels * steps / 1e6
    return total


@gpu
def sheet_snapshots(
    models: Models, job: SheetJob, begun: list[Progress] | None = None
) -> Iterator[Snapshot]:
    """As `stream.snapshots`: make the sheet and yield it after each cell.

    Raises:
        UserError: no cell of it could be made.
    """
    from PIL import Image

    from ..compare.run import SheetRun

    assert job.sheet is not None
    run = SheetRun(job.sheet, job.inputs, models.load, Budget().spend)
    stop_with_caller(run.stop)
    if begun is not None:
        begun.append(run.progress)
    evaluations, warnings = 0, []
    for cell in run:
        evaluations += cell.evaluations
        picture = run.picture(job.language)
        shown = picture.copy()
        shown.thumbnail((PREVIEW_PX, PREVIEW_PX), Image.Resampling.LANCZOS)
        is_over = cell.error is not None and cell.error.key == "too_much_work"
        warnings += [cell.error] if is_over else []
        yield Snapshot(
            index=len(run.cells),
            num_steps=job.sheet.num_cells,
            t=-1.0,
            num_evaluations=evaluations,
            x_t=shown,
            x0_hat=shown,
            num_shown=1,
            num_images=1,
            images=[picture],
            metadata=[run.metadata()],
            warnings=tuple(warnings),
        )
        if is_over:
            return
