"""One command on several processes: `--num-processes P` starts it again by `accelerate launch`."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

from ..errors import check_range

MAX_PROCESSES = 1024


def add_processes_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--num-processes", type=int, default=1, metavar="P")


def relaunched(args: argparse.Namespace) -> bool:
    """Whether several processes have done the command, and nothing is left to do here.

    Under `accelerate launch` or `torchrun` this is one of the processes already. What the user can
    mend should be said before: a launcher's own trace would hide it.

    Raises:
        UserError: no such number of processes.
        SystemExit: a process failed; it has said why.
    """
    count = args.num_processes
    check_range("num_processes", count, 1, MAX_PROCESSES)
    if count == 1 or "WORLD_SIZE" in os.environ:
        return False
    from ..training.launch import launcher

    # Threads of several processes on the same cores only get in each other's way.
    threads = str(max(1, (os.cpu_count() or 1) // count))
    environment = {"OMP_NUM_THREADS": threads, **os.environ, "PYTHONPATH": python_path()}
    words = [*launcher(count), "-m", "ddpm_demo", *args.words]
    if subprocess.run(words, env=environment).returncode:
        raise SystemExit(1)
    return True


def in_one_of_several() -> bool:
    """Whether this is one of the processes of `accelerate launch` or `torchrun`."""
    return int(os.environ.get("WORLD_SIZE") or 1) > 1


def python_path() -> str:
    """So that a process finds this package from whatever folder the command is given in."""
    root = str(Path(__file__).resolve().parent.parent.parent)
    return os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
