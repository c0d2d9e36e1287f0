"""The command that starts a training run as a process of its own; imports no torch."""

from __future__ import annotations

import sys
from pathlib import Path


def command(
    config_path: Path, num_processes: int = 1, overrides: tuple[str, ...] = ()
) -> list[str]:
    """`accelerate launch` with every flag explicit: no configuration of the user's is read.

    Args:
        config_path: JSON file of a `TrainConfig`.
        num_processes: on this machine; on CPUs they talk through gloo. Several processes of one
            thread each do more than one process of several threads where other work is going on.
        overrides: settings to change, "max_steps=2000".
    """
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--num_machines", "1"]
    launcher += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    launcher += ["--num_processes", str(num_processes)]
    # On CPUs, too, several processes need --multi_gpu: with --cpu accelerate starts only one.
    launcher += ["--multi_gpu", "--main_process_port", "0"] if num_processes > 1 else ["--cpu"]
    settings = [part for text in overrides for part in ("--set", text)]
    return [*launcher, "-m", "ddpm_demo.training", "--config", str(config_path), *settings]
