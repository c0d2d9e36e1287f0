"""The runs of this machine: one trains at a time, others wait in a queue, all are found again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..checkpoints.library import RESULT_FOLDER, RUNS_FOLDER
from ..errors import UserError
from ..training.config import TrainConfig
from ..training.launch import command
from . import process
from .intake import not_stored
from .progress import Progress, Watcher
from .records import (
    CONFIG_FILE,
    JOB_FILE,
    Job,
    Phase,
    Wish,
    check_allowed,
    free_name,
    plain_title,
    read_job,
    retitle,
    training_allowed,
    write_json,
)

STOP_FILE = "STOP"
TRAINER_FILE = ".trainer.json"
DRAFTS = ".drafts"
MAX_QUEUED = 8
TICK_SECONDS = 2.0
DRAFT_SECONDS = 24 * 3600


class Jobs:
    """All runs below a folder.

    Args:
        folder: None for where the checkpoints of this machine are looked up.
        num_threads: of the trainer; None for all cores but one.
    """

    def __init__(self, folder: Path | None = None, num_threads: int | None = None):
        self.folder = Path(folder) if folder is not None else RUNS_FOLDER
        self.num_threads = num_threads or max(1, (os.cpu_count() or 1) - 1)
        self._watchers: dict[str, Watcher] = {}
        self._keeper: threading.Thread | None = None
        self._guard = threading.Lock()

    # What there is

    def names(self) -> list[str]:
        """The runs, newest first."""
        found = [path.parent for path in self.folder.glob(f"*/{JOB_FILE}")]
        jobs = {path.name: self._read(path.name) for path in found}
        known = {name: job for name, job in jobs.items() if job is not None}
        return sorted(known, key=lambda name: known[name].created, reverse=True)

    def job(self, name: str) -> Job:
        """The run of that name.

        Raises:
            UserError: there is none (any more).
        """
        known = self.folder.is_dir() and name in os.listdir(self.folder)
        job = self._read(name) if known else None
        if job is None:
            raise UserError("job_unknown", "This training run is no longer there.")
        return job

    def config(self, name: str) -> TrainConfig:
        """The settings of a run."""
        self.job(name)
        return TrainConfig.load(self.folder / name / CONFIG_FILE)

    def progress(self, name: str) -> Progress:
        """How far it has come."""
        self.job(name)
        return self._watcher(name).read()

    def phase(self, name: str) -> Phase:
        """How things stand with it."""
        job, lives = self.job(name), self.running() == name
        progress = self.progress(name)  # after the look at the trainer, which may just have ended
        ours = job.launched > 0 and progress.turns > job.seen
        last = progress.last if ours else {}
        kind = last.get("kind")
        if lives:
            if (self.folder / name / STOP_FILE).exists():
                return "stopping"
            return "training" if kind in ("start", "stop", "done") else "starting"
        if job.wish == "queued":
            return "queued"
        if kind == "error":
            return "failed"
        if kind == "done":
            by_hand = last.get("reason") in ("stop file", "signal")
            return "paused" if by_hand and job.wish != "stop" else "finished"
        return "paused" if not job.launched else "killed"

    def running(self) -> str | None:
        """The run whose trainer lives, whoever started it."""
        trainer = self._trainer()
        if trainer and process.members(trainer["pid"], trainer["started"]):
            return trainer["name"]
        return None

    def queue(self) -> list[str]:
        """The runs that wait, in their order."""
        waiting = {n: self._read(n) for n in self.names()}
        queued = {n: job.queued for n, job in waiting.items() if job and job.wish == "queued"}
        return sorted(queued, key=lambda name: queued[name])

    def has_result(self, name: str) -> bool:
        """Whether there is a checkpoint to sample from."""
        return (self.folder / name / RESULT_FOLDER / "model_index.json").is_file()

    def log(self, name: str, num_bytes: int = 8000) -> str:
        """The end of what the trainer printed."""
        self.job(name)
        try:
            with open(self.folder / name / process.LOG_FILE, "rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - num_bytes))
                return file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    # What can be asked for

    def draft(self) -> Path:
        """A new folder for a run that may come; old ones that came to nothing are removed."""
        drafts = self.folder / DRAFTS
        drafts.mkdir(parents=True, exist_ok=True)
        for old in drafts.iterdir():
            if time.time() - old.stat().st_mtime > DRAFT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        folder = drafts / os.urandom(8).hex()
        folder.mkdir()
        return folder

    def submit(self, draft: Path, settings: Mapping[str, Any], title: str, owner: str = "") -> str:
        """Turn a draft folder into a run and put it at the end of the queue; returns its name.

        Args:
            draft: from `draft()`, with the pictures in it.
            settings: of `TrainConfig`; "data" is relative to the draft, "out" is set here.
            title, owner: see `Job`.

        Raises:
            UserError: training is off here, the queue is full, or a setting is refused.
        """
        check_allowed()
        if len(self.queue()) >= MAX_QUEUED:
            raise UserError(
                "queue_full",
                "{count} training runs are waiting already; delete one or wait.",
                count=MAX_QUEUED,
            )
        config = TrainConfig.from_mapping({**settings, "out": ".", "title": title})
        now = time.time()
        try:
            (draft / CONFIG_FILE).write_text(config.to_json(), encoding="utf-8")
            write_json(draft / JOB_FILE, asdict(Job(title, owner, "queued", now, now)))
            with self._mutex():
                name = free_name(self.folder, title)
                draft.rename(self.folder / name)
        except OSError as error:
            raise not_stored(error) from error
        self.tick()
        self.keep_going()
        return name

    def pause(self, name: str) -> None:
        """Stop at the next step; resuming goes on from there."""
        self._ask_to_stop(name, "pause")

    def stop(self, name: str) -> None:
        """Stop at the next step for good; the result stays."""
        self._ask_to_stop(name, "stop")

    def resume(self, name: str) -> None:
        """Put a run that does not train into the queue again; one at its end gets as much again.

        One that is being stopped is started again once it has stopped.

        Raises:
            UserError: there is no such run, or training is off here.
        """
        check_allowed()
        with self._mutex():
            job = self.job(name)
            if self.running() != name:
                if self.progress(name).last.get("reason") in ("steps", "hours"):
                    self._extend(name)
                (self.folder / name / STOP_FILE).unlink(missing_ok=True)
                self._write(name, job, wish="queued", queued=time.time())
            elif job.wish in ("pause", "stop"):
                self._write(name, job, wish="queued", queued=time.time())
        self.tick()
        self.keep_going()

    def rename(self, name: str, title: str) -> None:
        """Give a run and its result another title; one that trains may be renamed, too.

        Raises:
            UserError: there is no such run, or no title.
        """
        title = plain_title(title)
        with self._mutex():
            job = self.job(name)
            try:
                retitle(self.folder / name, title)
                self._write(name, job, title=title)
            except OSError as error:
                raise not_stored(error) from error

    def share(self, name: str, shared: bool) -> None:
        """Let everybody on the app use a run's result, or nobody but its owner.

        Raises:
            UserError: there is no such run.
        """
        with self._mutex():
            self._write(name, self.job(name), shared=shared)

    def discard(self, name: str) -> None:
        """End the run at once and delete everything of it.

        Raises:
            UserError: there is no such run.
        """
        job = self.job(name)
        with self._mutex():
            self._write(name, job, wish="stop")
            if self.running() == name:
                if trainer := self._trainer():  # it may just have ended by itself
                    process.end(trainer["pid"], trainer["started"])
            doomed = self.folder / DRAFTS / f"{name}-{os.urandom(4).hex()}"
            doomed.parent.mkdir(exist_ok=True)
            (self.folder / name).rename(doomed)
            self._watchers.pop(name, None)
        shutil.rmtree(doomed, ignore_errors=True)
        self.tick()

    # What goes on by itself

    def tick(self) -> None:
        """Start the next run of the queue if none is running."""
        with self._mutex():
            running = self.running()
            if running is not None:
                self._adopt(running)
            if running is not None or not training_allowed():
                return
            for name in self.queue():
                job = self._read(name)
                if job is not None and self._launch(name, job):
                    return

    def keep_going(self) -> None:
        """See to the queue in the background for as long as there is anything in it."""
        with self._guard:
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="jobs", daemon=True)
                self._keeper.start()

    def _keep(self) -> None:
        while True:
            with self._guard:
                if not self.folder.is_dir() or not self.queue():
                    self._keeper = None
                    return
            time.sleep(TICK_SECONDS)
            self.tick()

    def _launch(self, name: str, job: Job) -> bool:
        run = self.folder / name
        (run / STOP_FILE).unlink(missing_ok=True)
        launched, seen = time.time(), self.progress(name).turns
        try:
            words = command(Path(CONFIG_FILE))
            # Noted before: should the app die in between, its trainer is found by its folder.
            trainer = {"name": name, "pid": 0, "started": process.now()}
            trainer |= {"boot": process.boot(), "launched": launched, "seen": seen}
            write_json(self.folder / TRAINER_FILE, trainer)
            pid, started = process.start(words, run, self.num_threads)
            write_json(self.folder / TRAINER_FILE, {**trainer, "pid": pid, "started": started})
        except OSError:
            (self.folder / TRAINER_FILE).unlink(missing_ok=True)
            self._write(name, job, wish="run", launched=launched, seen=seen)
            return False  # shown as killed, with the offer to try again
        self._write(name, job, wish="run", launched=launched, seen=seen)
        return True

    def _adopt(self, name: str) -> None:
        """Note that a run has been launched, where the app died before it could."""
        job, waits = self._read(name), not (self.folder / name / STOP_FILE).exists()
        if job is not None and job.wish == "queued" and waits:
            trainer = self._trainer()
            launched, seen = trainer.get("launched", time.time()), trainer.get("seen", 0)
            self._write(name, job, wish="run", launched=launched, seen=seen)

    def _extend(self, name: str) -> None:
        """Set the ends of a finished run twice as far."""
        config = self.config(name)
        config = replace(
            config,
            max_steps=config.max_steps and 2 * config.max_steps,
            max_hours=config.max_hours and 2 * config.max_hours,
        )
        (self.folder / name / CONFIG_FILE).write_text(config.to_json(), encoding="utf-8")

    def _ask_to_stop(self, name: str, wish: Wish) -> None:
        with self._mutex():
            job = self.job(name)
            if self.running() == name:
                (self.folder / name / STOP_FILE).touch()
            self._write(name, job, wish=wish)

    # Files

    def _trainer(self) -> dict[str, Any]:
        """{"name", "pid", "started", "launched", "seen"} of the trainer that was started last, the
        last two as in `Job`; {} before any, and where the machine was started again since."""
        try:
            found = json.loads((self.folder / TRAINER_FILE).read_text(encoding="utf-8"))
            name, pid, started = str(found["name"]), int(found["pid"]), float(found["started"])
            noted = {key: found[key] for key in ("launched", "seen") if key in found}
            if "boot" not in found:  # noted by a version that told starts by the clock
                started += process.now() - time.time()
            elif found["boot"] != process.boot():
                return {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        if not pid:
            lost = process.leader((self.folder / name).resolve(), started)
            if lost is None:
                return {}
            pid, started = lost
        return {"name": name, "pid": pid, "started": started, **noted}

    def _watcher(self, name: str) -> Watcher:
        with self._guard:
            return self._watchers.setdefault(name, Watcher(self.folder / name))

    def _read(self, name: str) -> Job | None:
        return read_job(self.folder / name)

    def _write(self, name: str, job: Job, **changes: object) -> None:
        write_json(self.folder / name / JOB_FILE, {**asdict(job), **changes})

    @contextlib.contextmanager
    def _mutex(self) -> Iterator[None]:
        """One at a time, over all processes that look after this folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            yield
