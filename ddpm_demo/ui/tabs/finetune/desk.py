"""The tab's handlers as plain functions of what a visitor gives: no component is touched here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....errors import UserError
from ....jobs import Estimates, Jobs, Phase, check_allowed
from ....texts import text
from ....training.config import TrainConfig
from ...models import Models
from ...visitors import Visitor
from . import presets, views
from .archive import result_folder, zip_result
from .drafts import Draft, Drafts, look


@dataclass(frozen=True)
class Watch:
    """What the page shows of the chosen run.

    Args:
        names: the runs that this visitor may see, newest first.
        labels: (text, name) of them.
        name, title: the chosen one; None when there is none.
        phase: of it.
        status, log: HTML.
        plot: value of the line plot.
        sheets: steps of the sample sheets.
        busy: something may change by itself: look again soon.
        has_result: it can be sampled from and downloaded.
        owned: it is one visitor's, who alone can use the result unless it is `shared`.
    """

    names: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    name: str | None = None
    title: str = ""
    phase: Phase | None = None
    status: str = ""
    log: str = ""
    plot: dict[str, Any] | None = None
    sheets: tuple[int, ...] = ()
    busy: bool = False
    has_result: bool = False
    owned: bool = False
    shared: bool = False


class Desk:
    """Uploads, runs and who may see them.

    Args:
        models: the checkpoints to start from.
        jobs: the runs; None for those of this machine.

    The owner sees every run, a visitor their own.
    """

    def __init__(self, models: Models, jobs: Jobs | None = None):
        self.models = models
        self.jobs = jobs or Jobs()
        self.drafts = Drafts(self.jobs)
        self.estimates = Estimates()

    def upload(
        self, session: str, paths: Sequence[str], values: Mapping[str, Any], who: Visitor
    ) -> Draft:
        """Take in an upload and look at it.

        Raises:
            UserError: training is off, or there is no picture to use.
        """
        check_allowed(stranger=not who.is_owner)
        draft = self.drafts.new(session, paths)
        look(draft, presets.report_settings(self.models, values))
        return draft

    def look_again(self, session: str, values: Mapping[str, Any]) -> Draft | None:
        """The visitor's upload, made ready for another checkpoint.

        Raises:
            UserError: the checkpoint is unknown, or no picture can be used.
        """
        draft = self.drafts.get(session)
        if draft is not None:
            look(draft, presets.report_settings(self.models, values))
        return draft

    def config(self, values: Mapping[str, Any]) -> TrainConfig:
        """The run that the controls ask for, before it has a folder.

        Raises:
            UserError: a value is refused.
        """
        settings = presets.run_settings(self.models, values, self.jobs.num_threads)
        return TrainConfig.from_mapping({**settings, "out": "."})

    def result(self, name: str | None, who: Visitor) -> Path:
        """The folder of the result of a run.

        Raises:
            UserError: there is no such run of this visitor's, or no result yet.
        """
        self._own(name, who)
        return result_folder(self.jobs, name or "")

    def start(
        self, session: str, values: Mapping[str, Any], who: Visitor, language: str = "en"
    ) -> str:
        """Make a run of the upload and the controls; returns its name.

        Raises:
            UserError: there is no upload, a value is refused, or the queue is full.
        """
        check_allowed(stranger=not who.is_owner)
        draft = self.drafts.get(session)
        if draft is None:
            raise UserError("upload_first", "Give the pictures to train on first.", field="files")
        settings = presets.run_settings(self.models, values, self.jobs.num_threads)
        base = values.get("base")
        info = self.models.info(base) if base else None
        title = presets.default_title(info, str(values.get("title") or ""), language)
        with draft.lock:
            name = self.jobs.submit(draft.folder, settings, title, "" if who.is_owner else who.key)
        self.drafts.take(session)
        return name

    def names(self, who: Visitor) -> list[str]:
        """The runs that this visitor may see, newest first."""
        names = self.jobs.names()
        if who.is_owner:
            return names
        return [name for name in names if who.key and self._owner(name) == who.key]

    def ask(self, action: str, name: str | None, who: Visitor) -> None:
        """ "pause", "resume", "stop" or "discard" a run.

        Raises:
            UserError: there is no such run of this visitor's.
        """
        self._own(name, who)
        actions = {
            "pause": self.jobs.pause,
            "resume": self.jobs.resume,
            "stop": self.jobs.stop,
            "discard": self.jobs.discard,
        }
        actions[action](name or "")

    def rename(self, name: str | None, title: str, who: Visitor) -> None:
        """Give a run and its result another title.

        Raises:
            UserError: there is no such run of this visitor's, or no title.
        """
        self._own(name, who)
        self.jobs.rename(name or "", title)

    def share(self, name: str | None, shared: bool, who: Visitor) -> None:
        """Let everybody on the app use the result of a run, or nobody else.

        Raises:
            UserError: there is no such run of this visitor's.
        """
        self._own(name, who)
        self.jobs.share(name or "", shared)

    def watch(self, name: str | None, who: Visitor, language: str) -> Watch:
        """What to show of the run `name`, or of the newest one when there is no such run."""
        names = self.names(who)
        if not names:
            return Watch()
        self.jobs.tick()
        chosen = name if name in names else names[0]
        queue = self.jobs.queue()
        if queue:  # of an app that was ended, perhaps: nobody else would see to it
            self.jobs.keep_going()
        phases = {one: self.jobs.phase(one) for one in names}
        labels = []
        for one in names:
            state = text(language, f"finetune.phase_{phases[one]}", place=_place(queue, one))
            labels.append((f"{self.jobs.job(one).title} · {state}", one))
        progress, config = self.jobs.progress(chosen), self.jobs.config(chosen)
        phase, job = phases[chosen], self.jobs.job(chosen)
        return Watch(
            names=tuple(names),
            labels=tuple(labels),
            name=chosen,
            title=job.title,
            phase=phase,
            status=views.run_status_html(phase, progress, config, _place(queue, chosen), language),
            log=views.log_html(self.jobs, chosen, progress),
            plot=views.plot_value(progress, language),
            sheets=tuple(step for step, _ in progress.sheets),
            busy=any(one in views.BUSY for one in phases.values()),
            has_result=self.jobs.has_result(chosen),
            owned=bool(job.owner),
            shared=job.shared,
        )

    def sheet(self, name: str | None, index: int, who: Visitor, language: str) -> str:
        """Sample sheet `index` (from 0) of a run."""
        self._own(name, who)
        progress = self.jobs.progress(name or "")
        return views.sheet_html(self.jobs.folder / (name or ""), progress, index, language)

    def gauge(self, name: str | None, index: int, who: Visitor, language: str) -> str:
        """What of sample sheet `index` (from 0) resembles the training pictures."""
        self._own(name, who)
        progress = self.jobs.progress(name or "")
        return views.gauge_html(self.jobs.folder / (name or ""), progress, index, language)

    def archive(self, name: str | None, who: Visitor, folder: Path) -> Path:
        """The result as a zip file of a plain diffusers folder, in the visitor's `folder`.

        Raises:
            UserError: there is no such run, or no result yet.
        """
        self._own(name, who)
        return zip_result(self.jobs, name or "", folder)

    def _own(self, name: str | None, who: Visitor) -> None:
        if not name or name not in self.names(who):
            raise UserError("job_unknown", "This training run is no longer there.")

    def _owner(self, name: str) -> str:
        try:
            return self.jobs.job(name).owner
        except UserError:
            return ""


def _place(queue: Sequence[str], name: str) -> int:
    return queue.index(name) + 1 if name in queue else 0
