"""Pictures that were uploaded and not yet trained on, each visitor's own."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....jobs import Intake, Jobs, take_in
from ....jobs.intake import not_stored
from .presets import ARCHIVE, BATCH_SIZE

if TYPE_CHECKING:
    from PIL import Image

    from ....training.report import DataReport

NUM_SHOWN = 36


@dataclass
class Draft:
    """An upload.

    Args:
        folder: becomes the run's.
        intake: what was taken in.
        report: on the pictures; None before `look`.
        sheet: the first pictures as the network will see them.
        fitted: the batch that the page has chosen for few pictures; None where it chose none.
        lock: held while the pictures are being looked at.
    """

    folder: Path
    intake: Intake
    report: DataReport | None = None
    sheet: Image.Image | None = None
    fitted: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fit_batch(self, batch_size: float | None) -> int | None:
        """A batch that the pictures fill, in place of one that nobody has chosen.

        Args:
            batch_size: as the form has it.

        Returns:
            None where it stays; else the report has no advice on it any more.
        """
        assert self.report is not None
        if batch_size not in (None, BATCH_SIZE, self.fitted):
            return None
        fits = min(BATCH_SIZE, max(1, self.report.num_images))
        if fits == BATCH_SIZE and self.fitted is None:
            return None
        advice = tuple(key for key in self.report.advice if key != "no_spare_images")
        self.report, self.fitted = dataclasses.replace(self.report, advice=advice), fits
        return fits


class Drafts:
    """The uploads by session."""

    def __init__(self, jobs: Jobs):
        self._jobs = jobs
        self._drafts: dict[str, Draft] = {}

    def new(self, session: str, paths: Sequence[str]) -> Draft:
        """Take in an upload in place of the visitor's last one.

        Raises:
            UserError: see `jobs.take_in`.
        """
        before = self._drafts.get(session)
        self.forget(session)
        folder = self._jobs.draft()
        try:
            intake = take_in([Path(path) for path in paths], folder / ARCHIVE)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        fitted = before.fitted if before is not None else None
        self._drafts[session] = Draft(folder, intake, fitted=fitted)
        return self._drafts[session]

    def get(self, session: str) -> Draft | None:
        """The visitor's upload, None when there is none."""
        draft = self._drafts.get(session)
        return draft if draft is not None and draft.folder.is_dir() else None

    def take(self, session: str) -> None:
        """The upload has become a run."""
        self._drafts.pop(session, None)

    def forget(self, session: str) -> None:
        """Delete the visitor's upload."""
        draft = self._drafts.pop(session, None)
        if draft is not None:
            shutil.rmtree(draft.folder, ignore_errors=True)


def look(draft: Draft, settings: Mapping[str, Any]) -> None:
    """Read the pictures as training will: the report and the contact sheet go into the draft.

    The pictures made ready stay in the folder, where the trainer finds them.

    Raises:
        UserError: none of them can be used.
    """
    from PIL import Image

    from ....pictures.images import make_grid
    from ....training.config import TrainConfig
    from ....training.files import open_zip
    from ....training.pictures import resize_square

    places = {"data": str(draft.folder / ARCHIVE), "out": str(draft.folder)}
    config = TrainConfig.from_mapping({**settings, **places})
    with draft.lock:
        try:
            source, report = open_zip(draft.folder / ARCHIVE, config)
        except OSError as error:
            raise not_stored(error) from error
        count = min(NUM_SHOWN, source.num_images)
        size_px = max(config.sizes_px)
        squares = [resize_square(source.get(number), size_px) for number in range(count)]
    grey = config.channels == 1
    pictures = [Image.fromarray(square[..., 0] if grey else square) for square in squares]
    draft.report, draft.sheet = report, make_grid(pictures)
