"""From checked files to a network: the weights that were hashed and the settings that were let
through, and nothing else that lies beside them.

diffusers' own loader reads the folder again: an index of shards there, or a setting that was
dropped here, would have the last word.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from ..errors import UserError
from .safety import CheckpointFiles, refuse_too_large, weights_broken

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from diffusers import UNet2DModel
    from torch import Tensor

HASH_DIGITS = 12


def build(
    files: CheckpointFiles, weight_hash: str, device: torch.device | str = "cpu"
) -> UNet2DModel:
    """The network of a checked checkpoint, in eval mode, float32 and without gradients.

    Args:
        files: checked.
        weight_hash: of the weights that were checked.
        device: where the weights go.

    Raises:
        UserError: weights and configuration do not belong together, the weights are not those any
            more, they are damaged, or not all of them are numbers.
    """
    import torch

    network = _outline(files)
    tensors = read_tensors(files.weights, weight_hash)
    network._fix_state_dict_keys_on_load(tensors)  # attention was named otherwise once
    for name, tensor in tensors.items():
        tensors[name] = tensor.to(torch.float32, copy=True)
        if not bool(torch.isfinite(tensors[name]).all()):
            raise UserError(
                "checkpoint_not_numbers",
                "The weights of “{folder}” are damaged: {name} holds values that are not numbers.",
                field="checkpoint",
                folder=files.unet_folder.name,
                name=name[:80],
            )
    try:
        network.load_state_dict(tensors, strict=True, assign=True)
    except (RuntimeError, TypeError) as error:
        raise _mismatch(files) from error
    if any(tensor.is_meta for tensor in [*network.parameters(), *network.buffers()]):
        raise _mismatch(files)
    # `to` of diffusers' own would import torch's compiler.
    torch.nn.Module.to(network, device)
    return network.eval().requires_grad_(False)


def read_tensors(weights: Path, weight_hash: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file, read once, so that what is hashed is what is given.

    Raises:
        UserError: the file has another hash by now, or is damaged.
    """
    from safetensors.torch import load

    try:
        content = weights.read_bytes()
        if hashlib.sha256(content).hexdigest()[:HASH_DIGITS] != weight_hash:
            raise UserError(
                "checkpoint_changed",
                "The weights file {file} was changed while it was being loaded; try again.",
                field="checkpoint",
                file=weights.name,
            )
        return load(content)
    except (SafetensorError, OSError, RuntimeError, TypeError, KeyError) as error:
        raise weights_broken(weights) from error


def _outline(files: CheckpointFiles) -> UNet2DModel:
    """The network without memory for its weights."""
    import torch

    from ..core.diffusers_parts import NETWORK, import_part

    network_class = import_part(NETWORK).UNet2DModel
    try:
        with torch.device("meta"):
            outline = network_class(**files.unet_config)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError, IndexError) as error:
        raise _mismatch(files) from error
    expected = sum(parameter.numel() for parameter in outline.state_dict().values())
    refuse_too_large(expected)
    if expected != files.num_parameters:
        raise _mismatch(files)
    return outline


def _mismatch(files: CheckpointFiles) -> UserError:
    return UserError(
        "checkpoint_mismatch",
        "The weights of “{folder}” do not belong to its config.json; "
        "copy or download the checkpoint again.",
        field="checkpoint",
        folder=files.unet_folder.name,
    )
