"""One task on many pictures. A picture that fails is told and the next one done; what is done is
written down, so that the same command given again goes on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.progress import Moment, watch
from ..errors import UserError
from ..pictures.names import result_stem
from ..pictures.saving import INPUT_HASH, Writing, hash_of, make_folder, save_result
from ..recipes.recipe import Recipe
from ..recipes.run import Run
from .journal import Entry, Journal
from .masks import Masks
from .sources import Source

if TYPE_CHECKING:
    from ..core.step import Step
    from ..pictures.photograph import Photograph
    from ..pipeline import DDPM

# Keys of the errors that the next picture would meet too.
_FATAL = ("write_failed", "out_is_file")


@dataclass(frozen=True)
class Batch:
    """One task on many pictures.

    Args:
        recipe: of a task that takes one picture, and perhaps a mask.
        sources: the pictures.
        folder: for the results, made if need be; the journal is there.
        how: results are written.
        masks: where the task takes one.
    """

    recipe: Recipe
    sources: Sequence[Source]
    folder: Path
    how: Writing = Writing()
    masks: Masks = field(default_factory=Masks)

    @property
    def settings(self) -> str:
        """Names what is asked for, whatever the picture."""
        how = [self.how.format, self.how.quality, self.how.strip_metadata]
        words = [self.recipe.to_dict(), how, self.masks.key]
        return hash_of(json.dumps(words, sort_keys=True).encode())


@dataclass(frozen=True)
class Done:
    """A picture that is over with.

    Args:
        index: of the picture among the sources.
        entry: what became of it.
        is_new: False for one that an earlier command has done.
        notes: what its owner should know though it is no error.
    """

    index: int
    entry: Entry
    is_new: bool = True
    notes: tuple[UserError, ...] = ()


def work(
    batch: Batch,
    load: Callable[[str], DDPM],
    share: tuple[int, int] = (0, 1),
    sentence: Callable[[UserError], str] = str,
    on_step: Callable[[Step], None] | None = None,
) -> Iterator[Moment | Done]:
    """Do the pictures one after the other; closing the iterator stops the one at work.

    Args:
        batch: what is to be done.
        load: gives the checkpoint of a name; called once, when there is something to do.
        share: (this process, number of processes): which of the pictures are done here.
        sentence: an error in the user's language, for the report.
        on_step: called with each step; what it raises fails the picture.

    Yields:
        `Moment`s of the picture at work, and a `Done` for each that is over with.

    Raises:
        UserError: the checkpoint cannot be loaded, or a result cannot be written.
    """
    journal = Journal(batch.folder)
    if share[0] == 0:
        journal.clean()
    before, settings = journal.entries(), batch.settings
    ddpm: DDPM | None = None
    for index in range(share[0], len(batch.sources), share[1]):
        source = batch.sources[index]
        known = before.get((source.key, settings))
        if known is not None and is_done(known, batch.folder):
            yield Done(index, known, is_new=False)
            continue
        started = time.perf_counter()
        entry = Entry(source.key, settings, str(source.path))
        notes: tuple[UserError, ...] = ()
        try:
            read = _read(batch, source, entry)
        except Exception as error:  # noqa: BLE001  one picture never ends the others
            entry = _failed(entry, error, sentence)
        else:
            # What is wrong with the checkpoint is wrong for every picture.
            if ddpm is None:
                loading = time.perf_counter()
                ddpm = load(batch.recipe.checkpoint)
                started += time.perf_counter() - loading
            try:
                entry, notes = yield from _one(batch, source, read, ddpm, journal, on_step)
            except Exception as error:  # noqa: BLE001
                entry = _failed(entry, error, sentence)
        entry = replace(entry, seconds=round(time.perf_counter() - started, 3))
        journal.add(entry)
        yield Done(index, entry, notes=notes)


def is_done(entry: Entry, folder: Path) -> bool:
    """Whether the results are there and the picture is still the same file."""
    if entry.error or not entry.files:
        return False
    try:
        status = Path(entry.source).stat()
    except OSError:
        return False
    if not all((folder / name).is_file() for name in entry.files):
        return False
    return (status.st_size, status.st_mtime_ns) == (entry.size, entry.changed_ns)


@dataclass(frozen=True)
class _Read:
    """A picture and its mask as they are in their files."""

    entry: Entry
    photograph: Photograph
    inputs: dict[str, Any]


def _read(batch: Batch, source: Source, entry: Entry) -> _Read:
    from ..pictures import decode
    from ..pictures.opening import read_bytes

    content = read_bytes(source.path)
    status = source.path.stat()
    mask = batch.masks.of(source) if batch.masks.is_given else None
    contents = [content] if mask is None else [content, mask.content]
    photograph = decode.read(content)
    picture = next(told.name for told in batch.recipe.inputs if not told.is_mask)
    inputs = {picture: photograph.image}
    if mask is not None:
        inputs[mask.name] = mask.image
    told = replace(
        entry,
        size=status.st_size,
        changed_ns=status.st_mtime_ns,
        input_hash=hash_of(*contents),
        width=photograph.width,
        height=photograph.height,
    )
    return _Read(told, photograph, inputs)


def _one(
    batch: Batch,
    source: Source,
    read: _Read,
    ddpm: DDPM,
    journal: Journal,
    on_step: Callable[[Step], None] | None,
) -> Iterator[Any]:
    """Do one picture; returns (its entry, notes)."""
    run = ddpm.run(batch.recipe, **read.inputs)
    read.inputs.clear()  # the run has what it needs: a large picture is not held twice
    for item in watch(run, run.progress):
        if isinstance(item, Moment):
            yield item
        elif on_step is not None:
            on_step(item)
    files = _save(batch, source, run, read.photograph, read.entry.input_hash, journal)
    metrics = _plain(run.facts().get("metrics", {}))
    entry = replace(read.entry, files=files, metrics=metrics)
    return entry, (*run.warnings, *read.photograph.notes, *run.notes())


def _save(
    batch: Batch,
    source: Source,
    run: Run,
    photograph: Photograph,
    input_hash: str,
    journal: Journal,
) -> tuple[str, ...]:
    folder = batch.folder / source.subfolder
    make_folder(folder)
    images, files = run.images(), []
    for index, image in enumerate(images):
        stem = result_stem(source.path, batch.recipe.result_suffix)
        if len(images) > 1:
            stem = f"{stem}-{batch.recipe.picture_name(index)}"
        recipe = {**run.metadata(index), INPUT_HASH: input_hash}
        inputs = [other.path for other in batch.sources]
        path = save_result(
            folder,
            stem,
            image,
            photograph,
            recipe,
            batch.how,
            inputs,
            journal.lock(),
        )
        files.append(str(path.relative_to(batch.folder)))
    return tuple(files)


def _plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(dict(metrics)))


def _failed(entry: Entry, error: Exception, sentence: Callable[[UserError], str]) -> Entry:
    """What is written down of a picture that failed.

    Raises:
        UserError: the next one would fail alike.
    """
    if isinstance(error, UserError):
        if error.key in _FATAL:
            raise error
        return replace(entry, error=error.key, message=sentence(error))
    told = UserError(
        "batch_unexpected",
        "This picture could not be done: {kind}: {reason}",
        kind=type(error).__name__,
        reason=" ".join(str(error).split())[:200],
    )
    return replace(entry, error=told.key, message=sentence(told))
