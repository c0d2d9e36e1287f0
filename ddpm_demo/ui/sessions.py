"""What each visitor's last run left: frames to scrub through, pictures, recipe.

It is kept here and not in `gr.State`, which copies its values. Memory is bounded for each run and
over all visitors; the oldest results go first. Everything of a visitor goes when the page closes.
"""

from __future__ import annotations

import bisect
import shutil
import tempfile
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from ..pictures import deep
from .stream import Job, Snapshot

MAX_FRAMES = 101
MAX_RUN_BYTES = 48 * 2**20
MAX_TOTAL_BYTES = 512 * 2**20
# Results that have more keep 8 bits for their downloads: 21 megapixels in colour.
MAX_DEEP_BYTES = 128 * 10**6

Phase = Literal["waiting", "running", "done", "cancelled", "failed"]


@dataclass(frozen=True)
class StoredFrame:
    """A step to scrub to: x_t, x0_hat and perhaps the predicted noise as 8-bit grids."""

    index: int
    t: float
    num_evaluations: int
    x_t: np.ndarray
    x0_hat: np.ndarray
    eps: np.ndarray | None = None

    @property
    def num_bytes(self) -> int:
        rest = 0 if self.eps is None else self.eps.nbytes
        return self.x_t.nbytes + self.x0_hat.nbytes + rest

    def pictures(self) -> tuple[Image.Image, Image.Image]:
        """(x_t, x0_hat)."""
        return Image.fromarray(self.x_t), Image.fromarray(self.x0_hat)

    def eps_picture(self) -> Image.Image | None:
        """The predicted noise, where the run kept it."""
        return None if self.eps is None else Image.fromarray(self.eps)


@dataclass
class RunRecord:
    """One run of one visitor on one tab, from the click on.

    `options` are what the visitor has chosen since for looking at it or for its downloads, `given`
    the values of the controls that made it, pictures as paths, and `drive` is
    what keeps it going, a `drive.Drive`, once it has begun.
    """

    job: Job
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    phase: Phase = "waiting"
    cancel_asked: bool = False
    error: Exception | None = None
    seconds: float = 0.0
    num_steps: int = 0
    num_shown: int = 0
    columns: int = 1
    frames: list[StoredFrame] = field(default_factory=list)
    last: Snapshot | None = None
    shown_index: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    drive: Any = None

    @property
    def images(self) -> Sequence[Image.Image]:
        return self.last.images if self.last else []

    @property
    def metadata(self) -> Sequence[dict[str, Any]]:
        return self.last.metadata if self.last else []

    @property
    def is_unfinished(self) -> bool:
        return self.last is not None and self.last.index < self.last.num_steps

    @property
    def extras(self) -> Mapping[str, Any]:
        return self.last.extras if self.last else {}

    @property
    def num_bytes(self) -> int:
        pictures = [*self.images, *self.extras.values()]
        inputs = self.job.inputs.values()
        return sum(frame.num_bytes for frame in self.frames) + sum(
            deep.num_bytes(picture)
            for picture in [*pictures, *inputs]
            if isinstance(picture, Image.Image)
        )

    def lighten(self) -> None:
        """Once the run is over: nobody needs the depth of what went in any more, nor is that of
        very large results kept."""
        for picture in self.job.inputs.values():
            if isinstance(picture, Image.Image):
                deep.attach(picture, None)
        found = [deep.deep_of(image) for image in self.images]
        if sum(pixels.nbytes for pixels in found if pixels is not None) > MAX_DEEP_BYTES:
            for image in self.images:
                deep.attach(image, None)

    def keep(self, snapshot: Snapshot) -> None:
        """Store the step if its turn has come; the first and the newest one are always there."""
        self.last = snapshot
        self.num_steps = snapshot.num_steps
        self.num_shown = snapshot.num_shown
        self.columns = snapshot.columns
        frame = StoredFrame(
            snapshot.index,
            snapshot.t,
            snapshot.num_evaluations,
            np.asarray(snapshot.x_t),
            np.asarray(snapshot.x0_hat),
            None if snapshot.eps is None else np.asarray(snapshot.eps),
        )
        stride = frame_stride(snapshot.num_steps, frame.num_bytes)
        # The newest frame gives way to the next one unless it lies on the stride.
        if self.frames and self.frames[-1].index % stride:
            self.frames.pop()
        self.frames.append(frame)
        self.shown_index = frame.index

    def frame_at(self, index: int) -> StoredFrame | None:
        """The stored frame nearest to step `index`, None when there is none at all."""
        if not self.frames:
            return None
        indices = [frame.index for frame in self.frames]
        right = min(bisect.bisect_left(indices, index), len(indices) - 1)
        left = max(0, right - 1)
        nearer = min((left, right), key=lambda i: abs(indices[i] - index))
        return self.frames[nearer]


def frame_stride(num_steps: int, frame_bytes: int) -> int:
    """Every how many steps a frame is stored, so that a run stays within its limits."""
    affordable = max(2, min(MAX_FRAMES, MAX_RUN_BYTES // max(1, frame_bytes)))
    return max(1, -(-num_steps // (affordable - 1)))


class Store:
    """The runs of all visitors, by session and tab."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, str], RunRecord] = {}
        self._ended: dict[tuple[str, str], RunRecord] = {}
        self._finished: OrderedDict[tuple[str, str], RunRecord] = OrderedDict()
        self._folders: dict[str, Path] = {}

    def begin(self, session: str, tab: str, job: Job) -> RunRecord:
        """A record for a run that waits for its turn; an older one that waits is cancelled."""
        record = RunRecord(job)
        with self._lock:
            older = self._pending.get((session, tab))
            if older is not None:
                older.cancel_asked = True
            self._pending[session, tab] = record
        return record

    def pending(self, session: str, tab: str, run_id: str | None) -> RunRecord | None:
        """The waiting or running record of that id, None if it is not the newest one."""
        record = self._pending.get((session, tab))
        return record if record is not None and record.id == run_id else None

    def going_on(self, session: str, tab: str) -> RunRecord | None:
        """The tab's run that waits or runs, None where there is none."""
        return self._pending.get((session, tab))

    def adopt(self, session: str, tab: str, record: RunRecord) -> None:
        """Another session of the visitor sees the run, too: one that goes on as its own, one that
        is over as if it had ended just now."""
        with self._lock:
            if record.phase in ("waiting", "running"):
                self._pending[session, tab] = record
                return
            self._ended[session, tab] = record
            self._keep(session, tab, record)

    def cancel(self, session: str, tab: str) -> RunRecord | None:
        """Ask the visitor's run to stop at its next step; a waiting one will not start."""
        with self._lock:
            record = self._pending.get((session, tab))
            if record is not None:
                record.cancel_asked = True
                if record.phase == "waiting":
                    record.phase = "cancelled"
                    del self._pending[session, tab]
            return record

    def finish(self, record: RunRecord) -> None:
        """The run is over; if it left pictures, they replace the last result of the tab for every
        session that waits for it."""
        record.lighten()
        with self._lock:
            for key in [key for key, one in self._pending.items() if one is record]:
                del self._pending[key]
                self._ended[key] = record
                self._keep(*key, record)

    def _keep(self, session: str, tab: str, record: RunRecord) -> None:
        if record.last is not None and record.phase in ("done", "cancelled"):
            self._finished[session, tab] = record
            self._finished.move_to_end((session, tab))
        while self._num_bytes() > MAX_TOTAL_BYTES and len(self._finished) > 1:
            self._finished.popitem(last=False)

    def _num_bytes(self) -> int:
        """Of the results, each once: two pages of one visitor may show the same."""
        records = {id(record): record for record in self._finished.values()}
        return sum(record.num_bytes for record in records.values())

    def show(self, session: str, tab: str, record: RunRecord) -> None:
        """What was drawn at once is the tab's result now, though no run has ended."""
        record.phase = "done"
        with self._lock:
            self._finished[session, tab] = record
            self._finished.move_to_end((session, tab))

    def take_ended(self, session: str, tab: str, run_id: str | None) -> RunRecord | None:
        """The run of that id once, after it has ended in whatever way; None the next time."""
        with self._lock:
            record = self._ended.get((session, tab))
            if record is None or record.id != run_id:
                return None
            return self._ended.pop((session, tab))

    def result(self, session: str, tab: str) -> RunRecord | None:
        """The last finished (or cancelled) run of the tab, None when there is none any more."""
        return self._finished.get((session, tab))

    def folder(self, session: str) -> Path:
        """A folder for files that this visitor downloads."""
        with self._lock:
            if session not in self._folders:
                self._folders[session] = Path(tempfile.mkdtemp(prefix="ddpm_demo-"))
            return self._folders[session]

    def forget(self, session: str, stops: bool = True) -> None:
        """Drop all that the visitor's runs left; stop those that go on, too, unless they have a
        drive of their own and `stops` is False."""
        with self._lock:
            for key in [key for key in self._pending if key[0] == session]:
                if stops or self._pending[key].drive is None:
                    self._pending[key].cancel_asked = True
                del self._pending[key]
            for kept in (self._ended, self._finished):
                for key in [key for key in kept if key[0] == session]:
                    del kept[key]
            folder = self._folders.pop(session, None)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
