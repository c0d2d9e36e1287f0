"""How far a run has come, read from its `events.jsonl` as it grows."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..training.events import FILE_NAME

MAX_POINTS = 240
SMOOTHING = 0.9


@dataclass
class Progress:
    """What the events of a run say.

    Args:
        step, elapsed_s, images_per_s, learning_rate, samples_seen: of the newest loss event.
        steps_per_s: over the newest events; None before the second.
        curve: (step, mean loss) of equal stretches of the run, at most `MAX_POINTS`.
        sheets: (step, path within the run folder) of the sample sheets.
        nearest: by the step of a sheet, (path, ratio, unlike): the same samples above the training
            pictures nearest to them, and what the memorisation gauge reads, see
            `training.gauge.Reading`; `unlike` is 0 where a run of an older version says none.
        checkpoint_step: of the newest checkpoint; None before the first.
        parameters, trained_parameters: of the network.
        warnings: of all launches, newest last.
        last: the newest event that says how things stand: "starting", "report", "start", "stop",
            "done" or "error"; {} before any.
        turns: number of such events so far.
    """

    step: int = 0
    elapsed_s: float = 0.0
    images_per_s: float = 0.0
    learning_rate: float = 0.0
    samples_seen: int = 0
    steps_per_s: float | None = None
    curve: list[tuple[int, float]] = field(default_factory=list)
    sheets: list[tuple[int, str]] = field(default_factory=list)
    nearest: dict[int, tuple[str, float, float]] = field(default_factory=dict)
    checkpoint_step: int | None = None
    parameters: int | None = None
    trained_parameters: int | None = None
    warnings: list[str] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)
    turns: int = 0

    def smoothed(self) -> list[tuple[int, float]]:
        """The curve as a moving average that starts without a bias towards 0."""
        out, mean, weight = [], 0.0, 0.0
        for step, loss in self.curve:
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            weight = SMOOTHING * weight + (1 - SMOOTHING)
            out.append((step, mean / weight))
        return out

    def seconds_left(self, max_steps: int | None, max_hours: float | None) -> float | None:
        """Until the first of both ends; None when that cannot be told yet."""
        ends = []
        if max_steps is not None and self.steps_per_s:
            ends.append((max_steps - self.step) / self.steps_per_s)
        if max_hours is not None and self.step:
            ends.append(3600 * max_hours - self.elapsed_s)
        return max(0.0, min(ends)) if ends else None


class Watcher:
    """Reads what is new in a run's events and keeps the sum; safe to share between threads."""

    def __init__(self, run: Path):
        self._path = run / FILE_NAME
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._offset = 0
        self._losses: dict[int, float] = {}  # mean by bucket
        self._counts: dict[int, int] = {}
        self._width = 1  # steps in a bucket
        self._progress = Progress()

    def read(self) -> Progress:
        """The progress by now; a last line still being written is left for the next time."""
        with self._lock:
            try:
                with open(self._path, "rb") as file:
                    if file.seek(0, 2) < self._offset:
                        self._reset()
                    file.seek(self._offset)
                    content = file.read()
            except FileNotFoundError:
                return self._progress
            whole, newline, _ = content.rpartition(b"\n")
            self._offset += len(whole) + len(newline)
            for line in whole.split(b"\n"):
                self._take(line)
            width = self._width
            self._progress.curve = [
                (min((bucket + 1) * width, self._progress.step), loss)
                for bucket, loss in sorted(self._losses.items())
            ]
            return self._progress

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            kind, step = event["kind"], int(event["step"])
        except (ValueError, TypeError, KeyError):
            return  # an empty line, or one that a full disk spoiled
        progress = self._progress
        if kind == "loss":
            self._take_loss(event, step)
        elif kind == "samples":
            progress.sheets = [sheet for sheet in progress.sheets if sheet[0] < step]
            progress.sheets.append((step, str(event.get("path", ""))))
            if event.get("nearest"):
                ratio, unlike = (float(event.get(name, 0.0)) for name in ("ratio", "unlike"))
                progress.nearest[step] = (str(event["nearest"]), ratio, unlike)
        elif kind == "checkpoint":
            progress.checkpoint_step = step
        elif kind == "warning":
            progress.warnings.append(str(event.get("message", "")))
        elif kind in ("starting", "report", "start", "stop", "done", "error"):
            progress.last, progress.turns = event, progress.turns + 1
            if kind == "start":
                self._take_start(event)

    def _take_start(self, event: dict[str, Any]) -> None:
        """A run goes on from its last checkpoint: later steps were lost with the killed one."""
        progress, first = self._progress, int(event.get("from_step", 0))
        progress.parameters = event.get("parameters")
        progress.trained_parameters = event.get("trained_parameters")
        progress.step = first
        progress.steps_per_s = None
        progress.sheets = [sheet for sheet in progress.sheets if sheet[0] <= first]
        for bucket in [bucket for bucket in self._losses if bucket * self._width >= first]:
            del self._losses[bucket], self._counts[bucket]

    def _take_loss(self, event: dict[str, Any], step: int) -> None:
        progress = self._progress
        losses = event.get("losses", [])
        for number, loss in enumerate(losses, start=step - len(losses) + 1):
            self._add(number, float(loss))
        seconds = float(event.get("elapsed_s", 0.0)) - progress.elapsed_s
        if progress.step and seconds > 0:
            speed = (step - progress.step) / seconds
            before = progress.steps_per_s
            progress.steps_per_s = speed if before is None else 0.9 * before + 0.1 * speed
        progress.step = step
        progress.elapsed_s = float(event.get("elapsed_s", 0.0))
        progress.images_per_s = float(event.get("images_per_s", 0.0))
        progress.learning_rate = float(event.get("learning_rate", 0.0))
        progress.samples_seen = int(event.get("samples_seen", 0))

    def _add(self, step: int, loss: float) -> None:
        self._fold((step - 1) // self._width, loss, 1)
        if len(self._losses) > MAX_POINTS:
            losses, counts = self._losses, self._counts
            self._losses, self._counts = {}, {}
            self._width *= 2
            for bucket, mean in losses.items():
                self._fold(bucket // 2, mean, counts[bucket])

    def _fold(self, bucket: int, mean: float, count: int) -> None:
        before = self._counts.get(bucket, 0)
        total = before + count
        self._losses[bucket] = (self._losses.get(bucket, 0.0) * before + mean * count) / total
        self._counts[bucket] = total
