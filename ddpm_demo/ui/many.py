"""Many pictures of a visitor or a program: from uploads to results, a table and an archive.

`restore_many` is the one way of the page and of HTTP; a page shows each `ManyState` as it comes.
"""

from __future__ import annotations

import dataclasses
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..batch.sources import Source, takes_many
from ..errors import UserError
from ..pictures.saving import Writing
from ..recipes.field import fields_of
from ..recipes.recipe import Recipe
from ..tasks.registry import recipe_from_dict
from ..texts.naming import sentence_of
from .exports import ON_PAGE
from .in_turn import in_turn
from .models import Models
from .spaces_gpu import gpu
from .work_limit import Budget

if TYPE_CHECKING:
    from ..batch.journal import Entry
    from ..batch.work import Batch, Done
    from ..core.progress import Moment

MAX_PICTURES = 1000
ARCHIVE = "results.zip"


@dataclass(frozen=True)
class ManyState:
    """How far it is.

    Args:
        rows: a picture each, as `batch.report.rows` has them, called as they were uploaded; empty
            where they are as in the last state.
        num_done: pictures that are over with, done or failed.
        num_pictures: all of them.
        share: of the whole, 0 to 1.
        files: the results so far.
        archive: the results and the report, at the end.
    """

    num_done: int
    num_pictures: int
    share: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    archive: Path | None = None


def recipe_for(models: Models, task: type[Recipe], values: Mapping[str, Any]) -> Recipe:
    """The recipe of all pictures, its checkpoint one that may be named here.

    Raises:
        UserError: the task does not take many, a value that cannot be, no such checkpoint.
    """
    if not takes_many(task):
        raise UserError(
            "batch_task", "The task {task} does not take many pictures.", task=task.task
        )
    fields, _ = task.from_door(values)
    fields = {**fields, "task": task.task}
    if not fields.get("checkpoint"):
        fields["checkpoint"] = task.suitable_checkpoint(fields, {})
    if fields.get("seed") is None and "seed" in fields_of(task):
        fields["seed"] = 0
    recipe = recipe_from_dict(fields)
    models.check(recipe.checkpoint)
    return recipe


def restore_many(
    models: Models,
    task: type[Recipe],
    values: Mapping[str, Any],
    paths: Sequence[str],
    folder: Path,
    language: str = "en",
    how: Writing = ON_PAGE,
    mask: str | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[ManyState]:
    """Do a task on every upload; what is done stays when it is cancelled or closed.

    Args:
        models: the checkpoints that can be named.
        task: one that makes something of one picture.
        values: of its fields; no checkpoint is the one that suits.
        paths: of uploaded pictures and zip archives of pictures.
        folder: for the results; the same folder given again goes on where it stopped.
        language: of the sentences in the report.
        how: results are written.
        mask: path of the upload that is the mask of all.
        is_cancelled: asked at least twice a second.

    Raises:
        UserError: a value that cannot be, no pictures, too many, no such checkpoint.
    """
    from ..batch import report
    from ..batch.masks import Masks
    from ..batch.work import Batch, Done

    how.check()
    recipe = recipe_for(models, task, values)
    with tempfile.TemporaryDirectory(prefix="ddpm_demo-") as unpacked:
        sources = _sources(paths, Path(unpacked))
        of_all = next((told.name for told in task.inputs if told.is_mask), "")
        batch = Batch(recipe, sources, folder, how, Masks(mask if of_all else None, of_all))
        total = len(sources)
        entries: dict[int, Entry] = {}
        yield _state(batch, entries)
        stream = in_turn(lambda: _work(models, batch, language))
        try:
            for item in stream:
                if is_cancelled():
                    break
                if isinstance(item, Done):
                    entries[item.index] = item.entry
                    yield _state(batch, entries)
                else:
                    within = getattr(item, "share", None) or 0.0
                    yield ManyState(len(entries), total, (len(entries) + within) / total)
        finally:
            stream.close()  # type: ignore[attr-defined]
        last = _state(batch, entries)
        report.write(batch, last.rows)
        yield dataclasses.replace(last, archive=_archive(folder, last.files))


def _state(batch: Batch, entries: Mapping[int, Entry]) -> ManyState:
    """Between two pictures, with the rows and the files as they are now."""
    from ..batch import report

    rows = [
        {**row, "source": source.path.name}
        for row, source in zip(report.rows(batch, entries), batch.sources, strict=True)
    ]
    files = [batch.folder / name for row in rows for name in row["files"]]
    total = len(batch.sources)
    return ManyState(len(entries), total, len(entries) / total, rows, files)


@gpu
def _work(models: Models, batch: Batch, language: str) -> Iterator[Moment | Done]:
    """The work itself, as much of it as one request may ask for."""
    from ..batch import work

    def said(error: UserError) -> str:
        if error.key == "batch_unexpected":  # what went wrong inside is nobody else's
            error.params["reason"] = "…"
        return sentence_of(error, language, batch.recipe.task, labels=False)

    for item in work.work(batch, models.load, sentence=said, on_step=Budget().spend):
        yield item
        if isinstance(item, work.Done) and item.entry.error == "too_much_work":
            return


def _sources(paths: Sequence[str], unpacked: Path) -> list[Source]:
    """The pictures of the uploads, those of archives unpacked into a folder."""
    found: list[Source] = []
    archives = [Path(path) for path in paths if path.lower().endswith(".zip")]
    if archives:
        from ..jobs.intake import take_in

        taken = unpacked / "taken.zip"
        take_in(archives, taken)
        with zipfile.ZipFile(taken) as archive:
            for number, member in enumerate(archive.infolist()):
                # None of its names is a path: each file has a folder of its own.
                place = unpacked / str(number)
                place.mkdir()
                path = place / Path(member.filename).name
                path.write_bytes(archive.read(member))
                found.append(Source(path))
        taken.unlink()
    found = [Source(Path(path)) for path in paths if not path.lower().endswith(".zip")] + found
    if not found:
        raise UserError("picture_missing", "Give a picture first.", field="images")
    if len(found) > MAX_PICTURES:
        raise UserError(
            "batch_too_many",
            "These are {count} pictures, and {limit} is the most at once; give fewer.",
            field="images",
            count=len(found),
            limit=MAX_PICTURES,
        )
    return found


def _archive(folder: Path, files: Sequence[Path]) -> Path:
    from ..batch import report

    path = folder / ARCHIVE
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        # Two of the same picture have one result.
        for file in dict.fromkeys([*files, folder / report.CSV_NAME, folder / report.JSON_NAME]):
            archive.write(file, file.name)
    return path
