"""One network over several processes (FSDP): each keeps a part of weights, average and moments.

Torch's `fully_shard`; the weights of a block come together while it is used. Everything here is
right, and does nothing, for a network that is not sharded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from .diffusers_classes import UNet2DModel

if TYPE_CHECKING:
    from typing import TypeIs

    from torch.distributed.tensor import DTensor

# A second of imports, that only a network in parts needs.
PARTS = "torch.distributed.tensor"


def all_processes(device: torch.device) -> DeviceMesh | None:
    """The mesh of all processes; None for one alone, which has nobody to share with."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return None
    return init_device_mesh(device.type, (dist.get_world_size(),))


def shard(unet: UNet2DModel, mesh: DeviceMesh) -> None:
    """Replace the weights by this process's parts of them, block by block.

    Parameters are new objects afterwards: the optimiser must be made later.
    """
    from torch.distributed.fsdp import fully_shard

    for block in [*unet.down_blocks, unet.mid_block, *unet.up_blocks]:
        fully_shard(block, mesh=mesh)
    fully_shard(unet, mesh=mesh)


def whole(tensor: Tensor) -> Tensor:
    """The tensor that this process has a part of. All processes must ask at once."""
    return tensor.full_tensor() if _is_part(tensor) else tensor


def part_like(tensor: Tensor, other: Tensor) -> Tensor:
    """What this process keeps of `tensor`, given as `other` is kept. All must ask at once."""
    if not _is_part(other):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)


def local_parts(tensors: Iterable[Tensor]) -> list[Tensor]:
    """This process's own memory of the tensors, to compute on element by element."""
    return [t.to_local() if _is_part(t) else t for t in tensors]


def _is_part(tensor: Tensor) -> TypeIs[DTensor]:
    return PARTS in sys.modules and isinstance(tensor, sys.modules[PARTS].DTensor)
