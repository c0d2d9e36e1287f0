"""What is kept of a run beside its training: `job.json`, its name and its title."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..checkpoints.library import BUNDLED_FOLDER, RESULT_FOLDER
from ..checkpoints.model_card import rename_model_card
from ..errors import UserError
from ..training.config import TrainConfig

JOB_FILE = "job.json"
CONFIG_FILE = "config.json"
MAX_TITLE = 60

Wish = Literal["queued", "run", "pause", "stop"]
Phase = Literal[
    "queued", "starting", "training", "stopping", "paused", "finished", "failed", "killed"
]


def training_allowed(
    environment: Mapping[str, str] | None = None, *, stranger: bool = False
) -> bool:
    """Everywhere but on a Space and for strangers; there with DDPM_DEMO_ALLOW_TRAINING=1."""
    values = os.environ if environment is None else environment
    open_to_all = values.get("DDPM_DEMO_ALLOW_TRAINING") == "1"
    return open_to_all or not (stranger or values.get("SPACE_ID"))


def check_allowed(*, stranger: bool = False) -> None:
    """Raise a `UserError` where training is off."""
    if not training_allowed(stranger=stranger):
        raise UserError(
            "training_off",
            "Fine-tuning is off on this public app; its owner can turn it on by setting "
            "DDPM_DEMO_ALLOW_TRAINING=1.",
        )


@dataclass(frozen=True)
class Job:
    """What is kept of a run in `job.json`.

    Args:
        title: for people.
        owner: whose it is, on an app that strangers share; "" for anybody's.
        wish: what was last asked for.
        shared: whether everybody on the app may see and use its result.
        created, queued, launched: seconds since 1970; 0.0 for not yet.
        seen: `Progress.turns` when it was last launched: what comes later is of that launch,
            whatever the clock says.
    """

    title: str
    owner: str = ""
    wish: Wish = "queued"
    created: float = 0.0
    queued: float = 0.0
    launched: float = 0.0
    seen: int = 0
    shared: bool = False


def plain_title(title: str) -> str:
    """A title on one line and not too long.

    Raises:
        UserError: nothing is left of it.
    """
    plain = " ".join(title.split())[:MAX_TITLE].strip()
    if not plain:
        raise UserError("title_empty", "Give a name of at least one letter.", field="title")
    return plain


def retitle(run: Path, title: str) -> None:
    """Write another title into a run's settings, where its trainer looks for it at its end, and
    into the model card of its result.

    Raises:
        OSError: a file cannot be written.
    """
    config = replace(TrainConfig.load(run / CONFIG_FILE), title=title)
    write_json(run / CONFIG_FILE, json.loads(config.to_json()))
    if (run / RESULT_FOLDER / "README.md").is_file():
        rename_model_card(run / RESULT_FOLDER, title)


def read_job(run: Path) -> Job | None:
    """What `job.json` says; None where there is none that makes sense."""
    try:
        return Job(**json.loads((run / JOB_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def free_name(folder: Path, title: str) -> str:
    """A name for a run called `title` that no run in `folder` and no bundled checkpoint has."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "fine-tuned"
    name, number = plain, 1
    while (folder / name).exists() or (BUNDLED_FOLDER / name).exists():
        number += 1
        name = f"{plain}-{number}"
    return name


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Replace a JSON file as a whole: who reads it meanwhile sees the old one or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    partial.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")
    os.replace(partial, path)
