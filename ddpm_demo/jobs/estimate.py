"""How long a run will take here: some steps of it, in a process like the trainer's."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..training.config import TrainConfig
from . import process

TIMEOUT_S = 300.0
# What the time of a step depends on.
_MATTERS = (
    "from_checkpoint",
    "objective",
    "teacher",
    "consistency_path",
    "teacher_timesteps",
    "leaps",
    "unet",
    "sizes_px",
    "channels",
    "batch_size",
    "train_parts",
    "num_threads",
    "mixed_precision",
)


class Estimates:
    """Seconds a step by settings, each measured once; one measurement at a time."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}
        self._lock = threading.Lock()

    def known(self, config: TrainConfig) -> float | None:
        """Seconds a step if they have been measured."""
        return self._known.get(_key(config))

    def measure(self, config: TrainConfig) -> float | None:
        """Seconds a step; None where it cannot be measured, which the run itself will explain."""
        key = _key(config)
        with self._lock:
            if key not in self._known:
                seconds = _measure(config)
                if seconds is None:
                    return None
                self._known[key] = seconds
        return self._known[key]


def _key(config: TrainConfig) -> str:
    return json.dumps({name: getattr(config, name) for name in _MATTERS}, sort_keys=True)


def _measure(config: TrainConfig) -> float | None:
    with TemporaryDirectory(prefix="ddpm-demo-") as folder:
        path = Path(folder) / "config.json"
        path.write_text(replace(config, data=".", out=".").to_json(), encoding="utf-8")
        words = [sys.executable, "-m", "ddpm_demo.training.measure", "--config", str(path)]
        try:
            pid, started = process.start(words, Path(folder), config.num_threads)
        except OSError:
            return None
        try:
            process.wait(pid, TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None
        finally:
            process.end(pid, started)
        return _read((Path(folder) / process.LOG_FILE).read_text(encoding="utf-8"))


def _read(said: str) -> float | None:
    for line in reversed(said.splitlines()):
        try:
            values: Mapping[str, Any] = json.loads(line)
            return float(values["seconds_per_step"])
        except (ValueError, TypeError, KeyError):
            continue
    return None
