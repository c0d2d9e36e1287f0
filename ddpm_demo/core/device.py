"""Where the network runs: accelerate's choice, a GPU where there is one."""

from __future__ import annotations

import atexit
import os
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from accelerate import PartialState

_lock = threading.Lock()


@lru_cache(maxsize=1)
def default_device() -> torch.device:
    """The device accelerate picks; `DDPM_DEMO_DEVICE` ("cpu", "cuda:1", "mps") overrides it."""
    chosen = os.environ.get("DDPM_DEMO_DEVICE")
    if chosen:
        return torch.device(chosen)
    return _state().device


def process_share() -> tuple[int, int]:
    """(number of this process from 0, how many there are): several under `accelerate launch` or
    `torchrun`, one otherwise.
    """
    if int(os.environ.get("WORLD_SIZE") or 1) == 1:
        return 0, 1
    state = _state()
    return state.process_index, state.num_processes


def gather(rows: torch.Tensor) -> torch.Tensor:
    """[P * B, ...] on the CPU of every process's [B, ...], in their order."""
    from accelerate.utils import gather as gather_from_all

    return gather_from_all(rows.to(_state().device)).cpu()


def _state() -> PartialState:
    from accelerate import PartialState

    with _lock:  # a second thread would find accelerate's state half made
        are_met = _are_connected()
        # Left to itself, accelerate takes several processes without a GPU for one.
        state = PartialState(cpu=not torch.accelerator.is_available())
        if not are_met and _are_connected():
            # One with nothing to do would be gone before the others have reached it, and they
            # would end with "connection closed by peer".
            torch.distributed.barrier()
        return state


def _are_connected() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


@atexit.register
def _leave_the_others() -> None:
    """A process that ends with gloo's threads at work is now and then aborted: "terminate called
    without an active exception", after all its work was done."""
    if _are_connected():
        torch.distributed.destroy_process_group()


def describe(device: torch.device) -> str:
    """The device in words: "CPU, 2 threads" or the GPU's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"CPU, {torch.get_num_threads()} threads"
    return device.type.upper()
