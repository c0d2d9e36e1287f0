"""Where the network runs: accelerate's choice, a GPU where there is one."""

from __future__ import annotations

import os
import threading
from functools import lru_cache

import torch

_lock = threading.Lock()


@lru_cache(maxsize=1)
def default_device() -> torch.device:
    """The device accelerate picks; `DDPM_DEMO_DEVICE` ("cpu", "cuda:1", "mps") overrides it."""
    chosen = os.environ.get("DDPM_DEMO_DEVICE")
    if chosen:
        return torch.device(chosen)
    from accelerate import PartialState

    with _lock:  # a second thread would find accelerate's state half made
        return PartialState().device


def describe(device: torch.device) -> str:
    """The device in words: "CPU, 2 threads" or the GPU's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"CPU, {torch.get_num_threads()} threads"
    return device.type.upper()
