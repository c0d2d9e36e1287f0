"""From the tab's controls to the settings of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ....checkpoints.library import CheckpointInfo
from ....errors import UserError
from ....jobs.networks import SCRATCH_UNET
from ....jobs.records import plain_title
from ....texts import text
from ...models import Models

SCRATCH = ""  # the choice of no checkpoint to start from
DEFAULT_PRESET = "quick"
ARCHIVE = "upload.zip"
SCRATCH_SIZE_PX = 64
MAX_MINUTES = 7 * 24 * 60
MAX_STEPS = 10_000_000
SHEETS_A_RUN = 20
# A sheet costs about five steps: counted in steps, it stays a small share on a slow machine too.
SHEET_STEPS = (20, 500)
BATCH_SIZE, MAX_BATCH_SIZE = 16, 256


@dataclass(frozen=True)
class Preset:
    """How long to train.

    Args:
        minutes: at most.
        views: how often each picture is seen, within `low` and `high` steps.
        low, high: bounds of the number of steps.
    """

    minutes: float
    views: int
    low: int
    high: int


PRESETS = {
    "quick": Preset(5, 20, 200, 1_000),
    "good": Preset(40, 150, 1_000, 20_000),
    "overnight": Preset(480, 600, 5_000, 200_000),
}

# Few parameters move little at the rate that suits all of them.
LEARNING_RATES = {"all": 1e-3, "attention_and_norms": 1e-3, "norms_and_biases": 2e-3}
SCRATCH_LEARNING_RATE = 1e-3


def step_budget(preset: str, num_images: int | None, batch_size: int = BATCH_SIZE) -> int:
    """Steps that suit the number of pictures: more pictures, more steps, within bounds."""
    wanted = PRESETS.get(preset, PRESETS[DEFAULT_PRESET])
    if num_images is None:
        return wanted.low
    steps = wanted.views * num_images / max(1, batch_size)
    rounded = round(steps / 50) * 50
    return int(min(wanted.high, max(wanted.low, rounded)))


def picture_settings(models: Models, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that say how the pictures are made ready, and the network they are for.

    Raises:
        UserError: no such checkpoint, or a size that cannot be.
    """
    base = values.get("base") or SCRATCH
    if base == SCRATCH:
        size_px = whole(values, "sizes_px", 8, 256)
        return {
            "unet": {**SCRATCH_UNET, "sample_size": size_px},
            "sizes_px": [size_px],
            "channels": 3,
        }
    info = models.info(base)
    return {
        "from_checkpoint": models.owner_folders.get(base, base),
        "sizes_px": [info.size_px],
        "channels": info.channels,
        "prior": info.prior,
        "fit": "crop" if info.prior == "photo" else "resize",
    }


def report_settings(models: Models, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the batch that the form has, which the report's advice is about.

    Raises:
        UserError: as `picture_settings`.
    """
    batch_size = values.get("batch_size")
    known = batch_size is not None and 1 <= batch_size <= MAX_BATCH_SIZE
    given = int(batch_size) if known else BATCH_SIZE
    return {**picture_settings(models, values), "batch_size": given}


def run_settings(
    models: Models, values: Mapping[str, Any], num_threads: int = 1
) -> dict[str, Any]:
    """All settings of the run that the controls ask for, but for its folder.

    Raises:
        UserError: a value is missing or out of range; `TrainConfig` refuses others.
    """
    minutes = number(values, "minutes", 0.5, MAX_MINUTES)
    max_steps = whole(values, "max_steps", 1, MAX_STEPS)
    return {
        **picture_settings(models, values),
        "data": ARCHIVE,
        "batch_size": whole(values, "batch_size", 1, MAX_BATCH_SIZE),
        "learning_rate": number(values, "learning_rate", 1e-6, 0.01),
        "flips": bool(values["flips"]),
        "ema_decay": number(values, "ema_decay", 0, 0.99999),
        "train_parts": values["train_parts"] or "all",
        "seed": whole(values, "seed", 0, 2**32 - 1),
        "max_steps": max_steps,
        "max_hours": minutes / 60,
        "num_threads": num_threads,
        "warmup_steps": min(100, max_steps // 10),
        "checkpoint_minutes": 2.0,
        "sample_minutes": None,
        "sample_steps": min(max(max_steps // SHEETS_A_RUN, SHEET_STEPS[0]), SHEET_STEPS[1]),
        "validation_minutes": None,
        "num_samples": 16,
        "sample_num_steps": 15,
        "log_steps": 5,
    }


def learning_rate(base: str | None, train_parts: str | None) -> float:
    """What suits the start and the parts that learn."""
    if not base:
        return SCRATCH_LEARNING_RATE
    return LEARNING_RATES.get(train_parts or "all", LEARNING_RATES["all"])


def default_title(info: CheckpointInfo | None, title: str, language: str) -> str:
    """What the visitor calls the run, or a name made of the checkpoint's."""
    if title.strip():
        return plain_title(title)
    if info is None:
        return text(language, "finetune.title_scratch")
    return text(language, "finetune.title_from", name=info.name.rsplit("/", 1)[-1])


def number(values: Mapping[str, Any], field: str, low: float, high: float) -> float:
    """The value of a number box, within bounds.

    Raises:
        UserError: it is empty or out of range.
    """
    value = values.get(field)
    if value is None:
        raise UserError("number_missing", "Enter a number here.", field=field)
    if not low <= float(value) <= high:
        raise UserError(
            "range",
            "{name} must be between {low} and {high}, not {value}.",
            field=field,
            name=field,
            low=f"{low:g}",
            high=f"{high:g}",
            value=value,
        )
    return float(value)


def whole(values: Mapping[str, Any], field: str, low: int, high: int) -> int:
    """The same for whole numbers."""
    return int(number(values, field, low, high))
