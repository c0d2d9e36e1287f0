"""In which precision the network's matrix products are done while it trains."""

from __future__ import annotations

import os

import torch

from ..core.precision import BF16_INSTRUCTIONS

LAUNCHED_WITH = "ACCELERATE_MIXED_PRECISION"  # set by accelerate launch --mixed_precision


def mixed_precision(wanted: str, on_cpu: bool) -> str:
    """The name "bf16" or "no" (or what the launcher named) for a setting "auto", "no" or "bf16".

    bfloat16 pays on a CPU only with instructions for it: 1.5 to 1.9 times the pictures a second
    with AMX (Xeon), 1.5 times with AVX-512 BF16 alone (EPYC), slower elsewhere.
    """
    if wanted != "auto":
        return wanted
    launched_with = os.environ.get(LAUNCHED_WITH, "no")
    if launched_with != "no":
        return launched_with
    able = torch.cpu.get_capabilities()
    return "bf16" if on_cpu and any(able.get(name) for name in BF16_INSTRUCTIONS) else "no"
