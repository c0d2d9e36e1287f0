"""In which precision the network's products are done: asked of the processor, not assumed.

bfloat16 pays on a CPU only where it has instructions for it; elsewhere it is several times slower
than float32. The weights stay in float32, beside a half copy that is made when it is first needed;
the first and the last convolution work in float32 also there: they are cheap, and at little noise
rounding x_t itself would be most of the error.
"""

from __future__ import annotations

import copy
import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import UserError

AUTO = "auto"
PRECISIONS = (AUTO, "float32", "bfloat16", "float16")
VARIABLE = "DDPM_DEMO_PRECISION"
BF16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16")  # as torch.cpu.get_capabilities() calls them
# Below so many pixels torch normalises channels-last pictures by another loop on CPUs, which takes
# three times as long in a half precision as in float32.
SLOW_NORM_PIXELS = 1024

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_copies: weakref.WeakKeyDictionary[nn.Module, dict[torch.dtype, nn.Module]]
_copies = weakref.WeakKeyDictionary()
_warned: set[tuple[str, torch.dtype]] = set()


def choose(
    precision: str | None,
    device: torch.device,
    capabilities: Callable[[], Mapping[str, Any]] | None = None,
) -> torch.dtype:
    """The type that products are done in.

    Args:
        precision: one of `PRECISIONS`; None for what `DDPM_DEMO_PRECISION` says, else "auto".
        device: where the network is.
        capabilities: of the CPU; None asks torch.

    Raises:
        UserError: no such precision.
    """
    name = precision or os.environ.get(VARIABLE) or AUTO
    if name not in PRECISIONS:
        raise UserError(
            "precision_unknown",
            "There is no precision “{name}”; use one of {known}.",
            field="precision",
            name=name,
            known=", ".join(PRECISIONS),
        )
    best = fastest(device, capabilities or torch.cpu.get_capabilities)
    if name == AUTO:
        return best
    chosen: torch.dtype = getattr(torch, name)
    is_told = precision is not None or (device.type, chosen) in _warned
    if slow_here(chosen, device, best) and not is_told:
        _warned.add((device.type, chosen))
        _log.warning(
            "This processor has no instructions for %s: it works, but slower than float32.", name
        )
    return chosen


def fastest(device: torch.device, capabilities: Callable[[], Mapping[str, Any]]) -> torch.dtype:
    """What "auto" stands for on a device."""
    if device.type == "cpu":
        able = capabilities()
        half = any(able.get(name) for name in BF16_INSTRUCTIONS)
        return torch.bfloat16 if half else torch.float32
    if device.type == "cuda":
        half = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if half else torch.float16
    return {"mps": torch.float16, "xpu": torch.bfloat16}.get(device.type, torch.float32)


def slow_here(chosen: torch.dtype, device: torch.device, best: torch.dtype) -> bool:
    """Whether a half precision costs time instead of saving it."""
    return device.type == "cpu" and chosen not in (torch.float32, best)


def slow_note(
    chosen: torch.dtype,
    device: torch.device,
    capabilities: Callable[[], Mapping[str, Any]] | None = None,
) -> UserError | None:
    """What to say to whoever asked for a precision that costs time here; None for nothing."""
    best = fastest(device, capabilities or torch.cpu.get_capabilities)
    if not slow_here(chosen, device, best):
        return None
    return UserError(
        "precision_slow",
        "This processor has no instructions for {name}: it works, but slower than float32.",
        field="precision",
        name=name_of(chosen),
    )


def name_of(dtype: torch.dtype) -> str:
    """ "float32" of `torch.float32`."""
    return str(dtype).removeprefix("torch.")


def in_precision(unet: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The network for that type: itself for float32, else its one copy of that type.

    A network that is not in float32, such as an exact one in float64, is left as it is. Inputs are
    float32, and so is the output. The copy is made once: for a network that still learns, ask for
    float32.
    """
    if dtype == torch.float32 or next(unet.parameters()).dtype != torch.float32:
        return unet
    with _lock:
        copies = _copies.setdefault(unet, {})
        if dtype not in copies:
            copies[dtype] = _half_copy(unet, dtype)
        return copies[dtype]


def _half_copy(unet: nn.Module, dtype: torch.dtype) -> nn.Module:
    half = copy.deepcopy(unet)
    for parameter in half.parameters():  # `to` of diffusers' models warns about something else
        parameter.data = parameter.data.to(dtype)
    if hasattr(unet, "conv_in") and hasattr(unet, "conv_out"):
        half.conv_in = _Exact(unet.conv_in, dtype)
        half.conv_out = _Exact(unet.conv_out, torch.float32)
    for module in list(half.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.GroupNorm):
                setattr(module, name, _Norm(child))
    return half


class _Norm(nn.GroupNorm):
    """A group norm that small pictures on CPUs pass in float32, because that is faster."""

    def __init__(self, norm: nn.GroupNorm):
        super().__init__(norm.num_groups, norm.num_channels, norm.eps, norm.affine)
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or x[0, 0].numel() >= SLOW_NORM_PIXELS:
            return super().forward(x)
        weight, bias = (None if p is None else p.float() for p in (self.weight, self.bias))
        return F.group_norm(x.float(), self.num_groups, weight, bias, self.eps).to(x.dtype)


class _Exact(nn.Module):
    """A layer that works in float32 in the midst of a half network.

    The layer is the float32 network's own and not registered here: a network's type is that of the
    first of its parameters.
    """

    def __init__(self, layer: nn.Module, dtype: torch.dtype):
        super().__init__()
        self.__dict__["layer"] = layer
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.float()).to(self.dtype)
