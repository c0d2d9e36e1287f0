"""`events.jsonl`: what happened in a run, one complete JSON line an event, for people and the app.

Every event has `kind`, `step`, `time` (seconds since 1970) and fields of its own:

    starting  pid                                 the process is up, libraries are loading
    preparing done, total                         files of the data set read so far
    report    num_images, sizes, skipped, ...     the data set, before the first step
    start     from_step, parameters, changed      training begins or goes on
    loss      losses, learning_rate, samples_seen, images_per_s, elapsed_s
              (`losses` are those of the last steps up to `step`, one a step)
    validation  loss                              EMA weights on held-out pictures
    samples   path                                a new sample sheet
    checkpoint  path, seconds
    warning   message
    stop      reason                              "steps", "hours", "stop file", "signal"
    done      path                                the finished checkpoint folder
    error     message
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE_NAME = "events.jsonl"


class EventLog:
    """Appends events; does nothing when `folder` is None (processes other than the main one)."""

    def __init__(self, folder: Path | None):
        self._file = None
        if folder is None:
            return
        path = folder / FILE_NAME
        drop_partial_line(path)
        self._file = open(path, "ab", buffering=0)

    def write(self, kind: str, step: int, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        """One event, handed to the system in a single write."""
        if self._file is None:
            return
        event = {"kind": kind, "step": step, "time": round(time.time(), 3), **fields}
        self._file.write((json.dumps(event, ensure_ascii=False) + "\n").encode())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def drop_partial_line(path: Path) -> None:
    """Cuts off what a killed writer or a full disk left of its last line."""
    if not path.exists():
        return
    with open(path, "rb+") as file:
        size = file.seek(0, os.SEEK_END)
        reach = min(size, 2**20)
        file.seek(size - reach)
        tail = file.read(reach)
        if tail and not tail.endswith(b"\n"):
            file.truncate(size - reach + tail.rfind(b"\n") + 1)


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """The events of a run so far; a last line still being written is left out."""
    path = folder / FILE_NAME
    if not path.exists():
        return
    with open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def loss_curve(folder: Path) -> dict[int, float]:
    """The loss of each step {1: 0.9, 2: ...}, without steps that a killed run did and lost."""
    curve: dict[int, float] = {}
    for event in read_events(folder):
        if event["kind"] == "start":
            curve = {step: loss for step, loss in curve.items() if step <= event["from_step"]}
        elif event["kind"] == "loss":
            first = event["step"] - len(event["losses"]) + 1
            curve.update({first + i: loss for i, loss in enumerate(event["losses"])})
    return curve
