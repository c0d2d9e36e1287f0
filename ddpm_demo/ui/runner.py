"""Follow a run: keep its frames, report at most ten times a second, stop when asked."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from ..core.progress import Moment, Progress
from ..texts import text
from ..texts.durations import format_seconds
from .errors import sentence
from .in_turn import Turn, in_turn
from .line import Place
from .models import Models
from .sessions import RunRecord, Store
from .stream import Snapshot

MIN_SECONDS_BETWEEN_REPORTS = 0.1


@dataclass(frozen=True)
class Report:
    """What is shown while a run goes on.

    Args:
        status: the line in words and numbers.
        snapshot: the step to show, None while there is none yet.
        moment: where the run is within a step; None where that is not known.
        seconds_left: None while it is not known.
        is_loading: the run has not begun; its checkpoint may be on the way.
        counts: what a step of the run is, see `stream.Job`.
        place: where it stands in the line, while others come before.
    """

    status: str
    snapshot: Snapshot | None = None
    moment: Moment | None = None
    seconds_left: float | None = None
    is_loading: bool = False
    counts: str = "step"
    place: Place = Place()


def follow(
    models: Models,
    store: Store,
    session: str,
    tab: str,
    run_id: str | None,
    language: str,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Report]:
    """Run the pending job `run_id` of the visitor's tab, if it is still wanted.

    Never raises for what the job does: the record's `phase` and `error` say how it ended.
    """
    record = store.pending(session, tab, run_id)
    if record is None:
        return
    record.phase = "running"
    started = clock()
    yield Report(text(language, "common.status_loading"), is_loading=True)
    try:
        with contextlib.closing(_steps(models, record, language, clock)) as reports:
            for report in reports:
                if report.place.ahead:  # to wait for others is no part of the run's time
                    started = clock()
                yield report
        started_at_all = record.last is not None
        record.phase = "cancelled" if record.is_unfinished or not started_at_all else "done"
    except GeneratorExit:  # the visitor has left
        record.phase = "cancelled"
        raise
    except Exception as error:  # said in one sentence by whoever reads the record
        record.phase = "failed"
        record.error = error
    finally:
        record.seconds = clock() - started
        store.finish(record)


def _steps(
    models: Models, record: RunRecord, language: str, clock: Callable[[], float]
) -> Generator[Report, None, None]:
    """The run's reports; ends early when the record asks for it."""
    last_report = first_step = None
    status = text(language, "common.status_loading")
    begun: list[Progress] = []
    turns: list[Turn] = []
    has_begun = False
    counts = record.job.counts
    stream = in_turn(lambda: record.job.snapshots(models, begun), turns=turns)
    try:
        for snapshot in stream:
            if snapshot is None:  # nothing new, but somebody may have cancelled
                if record.cancel_asked:
                    return
                place = turns[0].place if turns else Place()
                if place.ahead:
                    yield Report(place_text(language, place), place=place)
                    continue
                moment = begun[0].snapshot() if begun else None
                within = moment is not None and moment.num_tiles > 0
                if within:
                    has_begun = True
                    turns[0].tell(moment.seconds_left)
                    yield Report(moment_text(language, moment), moment=moment, counts=counts)
                else:
                    yield Report(status, is_loading=record.last is None and not has_begun)
                continue
            now = clock()
            first_step = now if first_step is None else first_step
            record.keep(snapshot)
            due = last_report is None or now - last_report >= MIN_SECONDS_BETWEEN_REPORTS
            is_end = snapshot.index == snapshot.num_steps or record.cancel_asked
            if due or is_end:
                last_report = now
                moment = begun[0].snapshot() if begun else None
                left = moment.seconds_left if moment is not None else None
                if left is None or is_end:
                    left = seconds_left(snapshot, now - first_step)
                turns[0].tell(left)
                status = progress_text(language, snapshot, left)
                yield Report(status, snapshot, seconds_left=left, counts=counts)
            if record.cancel_asked:
                return
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()


def place_text(language: str, place: Place) -> str:
    """ "2 before you, about 40 s"."""
    if place.seconds is None:
        return text(language, "common.status_place", count=place.ahead)
    whole = max(1, math.ceil(place.seconds))
    words = text(language, "common.seconds", seconds=whole)
    if whole >= 100:
        words = format_seconds(language, whole)
    return text(language, "common.status_place_time", count=place.ahead, seconds=words)


def seconds_left(snapshot: Snapshot, seconds: float) -> float | None:
    """How long the run goes on that has come so far in `seconds` since step 0."""
    if not 0 < snapshot.index < snapshot.num_steps:
        return None
    return seconds / snapshot.index * (snapshot.num_steps - snapshot.index)


def progress_text(language: str, snapshot: Snapshot, left: float | None) -> str:
    """ "Step 7 of 20 · 1.4 s left · 7 U-Net evaluations"."""
    parts = [
        text(language, "common.status_step", index=snapshot.index, total=snapshot.num_steps),
        _evaluations(language, snapshot.num_evaluations),
    ]
    if left is not None:
        words = format_seconds(language, left)
        parts.insert(1, text(language, "common.status_left", seconds=words))
    return text(language, "common.status_join").join(parts)


def moment_text(language: str, moment: Moment) -> str:
    """ "Step 3 of 12 · 40 of 169 parts of this step · 2 min 10 s left", within an evaluation."""
    parts = [
        text(language, "common.status_tiles", tiles=moment.tiles, total=moment.num_tiles),
    ]
    if moment.num_steps:
        index, total = moment.step, moment.num_steps
        parts.insert(0, text(language, "common.status_step", index=index, total=total))
    if moment.seconds_left is not None:
        words = format_seconds(language, moment.seconds_left)
        parts.append(text(language, "common.status_left", seconds=words))
    return text(language, "common.status_join").join(parts)


def outcome_text(language: str, record: RunRecord) -> str:
    """What the status line says after a run."""
    if record.last is None:
        key = "common.status_failed" if record.phase == "failed" else "common.status_not_started"
        return text(language, key)
    last, is_sheet = record.last, record.job.counts == "cell"
    head = text(language, "common.status_done", seconds=format_seconds(language, record.seconds))
    if record.is_unfinished:
        key = "common.status_cancelled_cell" if is_sheet else "common.status_cancelled"
        head = text(language, key, index=last.index, total=last.num_steps)
    parts = [
        head,
        text(language, f"common.status_{record.job.counts}s", count=last.num_steps),
        _evaluations(language, last.num_evaluations),
    ]
    # Pictures drawn live have each their own.
    if not last.metadata[0].get("mix") and len({one.get("seed") for one in last.metadata}) == 1:
        parts.append(text(language, "common.status_seed", seed=record.job.recipe.seed))
    if record.is_unfinished:
        del parts[1]
    parts += [sentence(warning, language) for warning in last.warnings]
    return text(language, "common.status_join").join(parts)


def frame_text(language: str, index: int, num_steps: int, t: float, num_evaluations: int) -> str:
    """What the status line says while one scrubs."""
    parts = [
        text(language, "common.status_step", index=index, total=num_steps),
        text(language, "common.status_t", t=f"{max(t, 0):.0f}"),
        _evaluations(language, num_evaluations),
    ]
    if t < 0:
        parts[1] = text(language, "common.status_clean")
    return text(language, "common.status_join").join(parts)


def _evaluations(language: str, count: int) -> str:
    return text(language, "common.status_evaluations", count=count)
