"""The command that starts a training run as a process of its own; imports no torch."""

from __future__ import annotations

import sys
from pathlib import Path

# Set by those who start a trainer for a run whose STOP file they look after themselves: one that
# is there when the trainer starts is then obeyed, not removed as a left-over.
KEEP_STOP = "DDPM_DEMO_KEEP_STOP"

# `accelerate launch` reads the user's own configuration unless it is given another one.
CONFIG_FILE = Path(__file__).resolve().parent / "accelerate.json"


def command(
    config_path: Path, num_processes: int = 1, overrides: tuple[str, ...] = ()
) -> list[str]:
    """A trainer, or several by `accelerate launch` with every flag explicit: no configuration of
    the user's is read.

    A GPU is used where there is one. The precision is left to the trainer's own settings.

    Args:
        config_path: JSON file of a `TrainConfig`.
        num_processes: on this machine; on CPUs they talk through gloo. Several processes of one
            thread each do more than one process of several threads where other work is going on.
        overrides: settings to change, "max_steps=2000".
    """
    settings = [part for text in overrides for part in ("--set", text)]
    module = ["-m", "ddpm_demo.training", "--config", str(config_path), *settings]
    return [*launcher(num_processes), *module]


def launcher(num_processes: int = 1) -> list[str]:
    """The words before `-m MODULE`: that many processes on this machine.

    One needs no launcher, which would take as long to start as what it starts.
    """
    if num_processes == 1:
        return [sys.executable]
    words = [sys.executable, "-m", "accelerate.commands.launch"]
    words += ["--config_file", str(CONFIG_FILE), "--num_machines", "1"]
    words += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    words += ["--num_processes", str(num_processes)]
    # On CPUs, too, several processes need --multi_gpu: with --cpu accelerate starts only one.
    return [*words, "--multi_gpu", "--main_process_port", "0"]
