"""The trainer's processes: start them out of the app's reach, know them again, end them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from ..training.launch import KEEP_STOP

NICENESS = 10
SAME_START_S = 10.0  # elsewhere than on Linux start times are told from the clock
LOG_FILE = "log.txt"

# What a trainer needs of the app's environment; anything else, tokens above all, stays behind.
_KEPT = {
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "DDPM_DEMO_CHECKPOINTS",
    "DDPM_DEMO_RUNS",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "NVIDIA_VISIBLE_DEVICES",
    "PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "USERPROFILE",
    "VIRTUAL_ENV",
    "XDG_CACHE_HOME",
}
# The package's own folder, so that the trainer finds it from its run folder.
_ROOT = Path(__file__).resolve().parent.parent.parent

_ON_LINUX = hasattr(time, "CLOCK_BOOTTIME") and Path("/proc/self/stat").exists()
_children: dict[int, subprocess.Popen[bytes]] = {}


def environment(num_threads: int, source: Mapping[str, str] | None = None) -> dict[str, str]:
    """The trainer's environment: a few variables of the app's, and no secret among them."""
    kept = {k: v for k, v in (source or os.environ).items() if k.upper() in _KEPT}
    return {
        **kept,
        "PYTHONPATH": str(_ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": str(num_threads),
        KEEP_STOP: "1",  # one that is there was meant for this launch
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def now() -> float:
    """Seconds, by the clock that start times are told from: since the machine was started where
    that is known, whatever the time of day is set to meanwhile."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if _ON_LINUX else time.time()


def boot() -> str:
    """Names this start of the machine, within which start times can be compared; "" for always."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def born(process: psutil.Process) -> float:
    """When a process was started, as `now` counts.

    Raises:
        psutil.Error: there is no such process.
    """
    if _ON_LINUX:
        with contextlib.suppress(OSError, ValueError, IndexError):
            status = Path(f"/proc/{process.pid}/stat").read_bytes()
            ticks = status.rpartition(b")")[2].split()[19]  # the 22nd; names may have blanks
            return int(ticks) / os.sysconf("SC_CLK_TCK")
    return process.create_time()


def start(command: Sequence[str], folder: Path, num_threads: int) -> tuple[int, float]:
    """Start in `folder`, in a session of its own and at low priority; returns (pid, `born`).

    What it prints is appended to `log.txt` there.

    Raises:
        OSError: it cannot be started.
    """
    with open(folder / LOG_FILE, "ab") as log:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(num_threads),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    started = now()
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(child.pid)
        started = born(process)
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if os.name == "nt" else NICENESS)
    # Linux shares the processor between sessions first, where niceness does not count: the new
    # session as a whole has to stand back too. Not there on other systems.
    with contextlib.suppress(OSError):
        Path(f"/proc/{child.pid}/autogroup").write_text(str(NICENESS))
    return child.pid, started


def wait(pid: int, timeout_s: float) -> None:
    """Wait until a process that this one has started is over.

    Raises:
        subprocess.TimeoutExpired: it is not.
    """
    child = _children.get(pid)
    if child is not None:
        child.wait(timeout_s)


def members(pid: int, started: float) -> list[psutil.Process]:
    """The living processes that `start` led to, also after the first of them has died.

    A process of another time that happens to have the same number is none of them.
    """
    _reap(pid)
    # A dying launcher is a zombie without children before it is gone: only the session knows then
    # what it has left behind.
    family = _living(_family(pid, started))
    return family if family or _is_taken(pid, started) else _living(_session(pid, started))


def leader(folder: Path, since: float) -> tuple[int, float] | None:
    """(pid, `born`) of a process of `start` in `folder` whose number nobody noted; `since` is
    a time of `now` before it."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            first = not hasattr(os, "getsid") or os.getsid(process.pid) == process.pid
            started = born(process)
            if first and started > since - SAME_START_S and Path(process.cwd()) == folder:
                return process.pid, started
    return None


def _family(pid: int, started: float) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(pid)
        if abs(born(first) - started) < SAME_START_S:
            yield first
            yield from first.children(recursive=True)


def _is_taken(pid: int, started: float) -> bool:
    """The number belongs to a process of another time, and so does a session of that number."""
    with contextlib.suppress(psutil.Error):
        return abs(born(psutil.Process(pid)) - started) >= SAME_START_S
    return False


def _session(pid: int, started: float) -> Iterator[psutil.Process]:
    if not hasattr(os, "getsid"):
        return
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            later = born(process) > started - SAME_START_S
            if later and os.getsid(process.pid) == pid:
                yield process


def _living(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if _lives(process)]


def end(pid: int, started: float, grace_s: float = 0.0) -> None:
    """Ask the processes to end, and kill what is left after `grace_s`."""
    mine = members(pid, started)
    if grace_s > 0:
        for process in mine:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        psutil.wait_procs(mine, timeout=grace_s)
    for _ in range(5):  # a process that was being started escapes the first look
        mine = members(pid, started)
        for process in mine:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(mine, timeout=5)
        if not mine:
            break
    _reap(pid)


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
