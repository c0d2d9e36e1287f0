"""The result of a run as one file to download."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ....checkpoints.library import RESULT_FOLDER
from ....errors import UserError
from ....jobs import Jobs


def result_folder(jobs: Jobs, name: str) -> Path:
    """Where the result of the run `name` is.

    Raises:
        UserError: there is no result yet.
    """
    if not jobs.has_result(name):
        raise UserError(
            "job_no_result",
            "This training run has no result yet; it comes when the run is paused or ends.",
        )
    return jobs.folder / name / RESULT_FOLDER


def zip_result(jobs: Jobs, name: str, folder: Path) -> Path:
    """Pack the result of the run `name` into `folder/NAME.zip`.

    Raises:
        UserError: there is no result yet.
    """
    result = result_folder(jobs, name)
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # weights do not pack
        for file in sorted(p for p in result.rglob("*") if p.is_file()):
            archive.write(file, f"{name}/{file.relative_to(result).as_posix()}")
    return path
