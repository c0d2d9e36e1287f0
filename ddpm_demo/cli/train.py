"""`python -m ddpm_demo train --data DIR --out DIR [--from C]`: the trainer, in the foreground."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..texts import text
from .language import cli_language
from .processes import python_path

if TYPE_CHECKING:
    from ..jobs import Watcher
    from ..training.config import TrainConfig

DEFAULT_MAX_STEPS = 3000
FINE_TUNING_RATE = 2e-4
POLL_SECONDS = 1.0
MAX_CONFIG_BYTES = 2**20

# Options that are settings of the run under the same name.
_SETTINGS = ("data", "out", "max_steps", "max_hours", "batch_size", "learning_rate")
_MORE_SETTINGS = ("train_parts", "seed", "title", "num_threads", "objective", "teacher")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR")
    parser.add_argument("--out", metavar="DIR")
    parser.add_argument("--from", dest="base", metavar="C")
    parser.add_argument("--objective", metavar="O")
    parser.add_argument("--teacher", metavar="C")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--max-steps", type=int, metavar="N")
    end.add_argument("--max-hours", type=float, metavar="H")
    parser.add_argument("--size-px", type=int)
    parser.add_argument("--batch-size", type=int, metavar="N")
    parser.add_argument("--learning-rate", type=float, metavar="R")
    parser.add_argument("--train-parts", metavar="P")
    parser.add_argument("--seed", type=int, metavar="S")
    parser.add_argument("--title")
    parser.add_argument("--num-threads", type=int, metavar="N")
    parser.add_argument("--num-processes", type=int, default=1, metavar="N")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides"
    )
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> None:
    """Train to the end, or until stopped."""
    config = make_config(args)
    folder = Path(config.out)
    path = write_config(config)
    code = _train(path, folder, args.num_processes, args.json)
    if code == 2:  # the trainer has said why
        raise SystemExit(2)
    if code:
        raise UserError(
            "train_ended",
            "The trainer ended with exit code {code} before it was done; the same command goes "
            "on from the last checkpoint in {folder}.",
            code=code,
            folder=str(folder),
        )
    progress = _watcher(folder).read()
    report = {
        "result": str(folder / "result"),
        "step": progress.step,
        "seconds": round(progress.elapsed_s, 1),
        "reason": progress.last.get("reason", ""),
    }
    print(json.dumps(report) if args.json else report["result"])


def make_config(args: argparse.Namespace) -> TrainConfig:
    """The settings of the options, over those of the file, over what suits the start.

    Raises:
        UserError: something is missing, unknown or out of range.
    """
    from ..training.config import TrainConfig
    from ..training.settings import parse_override

    values = _read(args.config) if args.config else {}
    named = {k: getattr(args, k) for k in (*_SETTINGS, *_MORE_SETTINGS)}
    values.update({k: v for k, v in named.items() if v is not None})
    values.update(parse_override(text) for text in args.overrides)
    if args.size_px is not None:
        values["sizes_px"] = [args.size_px]
    if args.base is not None:
        values["from_checkpoint"] = args.base
    return TrainConfig.from_mapping(_with_defaults(values))


def _with_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    from ..training.limits import DISTILLING

    filled: dict[str, Any] = dict(values)
    if filled.get("max_hours") is None:
        filled.setdefault("max_steps", DEFAULT_MAX_STEPS)
    distilled = filled.get("objective") in DISTILLING
    start = filled.get("from_checkpoint") or (distilled and filled.get("teacher"))
    if start:
        from ..checkpoints.library import find

        info = find(start)
        photo = info.prior == "photo"
        defaults = {
            "sizes_px": [info.size_px],
            "channels": info.channels,
            "prior": info.prior,
            "fit": "crop" if photo else "resize",
            "learning_rate": FINE_TUNING_RATE,
        }
        return {**defaults, **filled}
    if not distilled and not filled.get("unet"):
        from ..jobs.networks import SCRATCH_UNET

        filled["unet"] = SCRATCH_UNET
    return filled


def write_config(config: TrainConfig) -> Path:
    """Put the settings beside the run: the trainer's own copy tells what they were before.

    Raises:
        UserError: the folder cannot be written.
    """
    from ..pictures.saving import writing

    path = Path(config.out) / "settings.json"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(config.to_json(), encoding="utf-8")
    return path


def _train(path: Path, folder: Path, num_processes: int, quiet: bool) -> int:
    """Run the trainer and show how far it has come; returns its exit code."""
    from ..training.launch import command

    watcher = _watcher(folder)
    environment = {**os.environ, "PYTHONPATH": python_path()}
    # One process needs no launcher, whose own trace would hide the trainer's sentence.
    alone = [sys.executable, "-m", "ddpm_demo.training", "--config", str(path)]
    words = alone if num_processes == 1 else command(path, num_processes)
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment) as trainer:
        said = -1
        while True:
            try:
                return trainer.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                said = said if quiet else _say(watcher, said)
            except KeyboardInterrupt:  # the trainer has heard it too, and saves
                if not quiet:
                    print(text(cli_language(), "cli.train_stopping"), file=sys.stderr)


def _say(watcher: Watcher, said: int) -> int:
    progress = watcher.read()
    if progress.step > said and progress.curve:
        loss, speed = f"{progress.smoothed()[-1][1]:.4f}", f"{progress.images_per_s:.1f}"
        words = text(cli_language(), "cli.train_step", step=progress.step, loss=loss, speed=speed)
        print(words, file=sys.stderr)
        return progress.step
    return said


def _watcher(folder: Path) -> Watcher:
    from ..jobs import Watcher

    return Watcher(folder)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ValueError("not a file")
        with path.open("rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
        if len(content) > MAX_CONFIG_BYTES:
            raise ValueError("larger than 1 MB")
        values = json.loads(content)
        if not isinstance(values, dict):
            raise ValueError("not an object")
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            "train_config_unreadable",
            "The training configuration {path} cannot be read: {reason}.",
            path=path.name,
            reason=str(error).rstrip("."),
        ) from error
    return values
