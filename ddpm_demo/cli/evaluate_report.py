"""What `evaluate` says while it works, and the command it names as the source of its numbers."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

    from ..checkpoints.library import CheckpointInfo

RECIPE_FIELDS = ("seed", "sampler", "num_steps", "spacing", "guidance")
CONFIG_FIELDS = (
    "num_images",
    "num_real",
    "num_train_features",
    "num_bits",
    "bits_timesteps",
    "features",
)


def command_line(args: argparse.Namespace, info: CheckpointInfo, data: str | None) -> str:
    """The command that gives the numbers again, without what is of this machine only."""
    from ..evaluation.evaluate import public_name

    words = ["python", "-m", "ddpm_demo", "evaluate", "--checkpoint", public_name(info)]
    if data is not None:
        words += ["--data", data]
    text_options = (*CONFIG_FIELDS, *RECIPE_FIELDS, "samplers", "spacings", "steps")
    for key in ("curve", *text_options):
        value = getattr(args, key)
        if value is True:
            words.append(f"--{key}")
        elif value not in (None, False):
            words += [f"--{key.replace('_', '-')}", str(value)]
    return shlex.join([*words, "--out", "OUT"] if args.curve else words)


class StageBars:
    """A progress bar for each stage, on a terminal; a line a stage elsewhere; none for JSON."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._name = ""
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> StageBars:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, name: str, done: int, total: int) -> None:
        if self._quiet:
            return
        if name != self._name:
            self.__exit__()
            self._name = name
            self._bar = None
            if not sys.stderr.isatty():
                print(name, file=sys.stderr)
                return
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=name, unit="pictures")
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
