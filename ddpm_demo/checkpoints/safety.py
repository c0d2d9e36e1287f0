"""Is this folder a U-Net that is safe to build? Answered from the configs and headers alone.

Nothing is allocated, nothing is unpickled and torch is not imported: only JSON of bounded size and
the header of a safetensors file are read. Settings outside the bounds below are refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ..errors import UserError
from .config import check_scheduler_config, check_unet_config

MAX_PARAMETERS = 500_000_000
WEIGHTS_NAME = "diffusion_pytorch_model.safetensors"
GUIDE_FOLDER = "guide"  # a checkpoint within one: its weaker version, see `core.autoguidance`
PICKLE_SUFFIXES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
_MAX_JSON_BYTES = 2**20
_NUMBER_TYPES = {"F16", "BF16", "F32", "F64"}
_PIPELINES = ("DDPMPipeline", "DDIMPipeline", "PNDMPipeline", "RePaintPipeline")


@dataclass(frozen=True)
class CheckpointFiles:
    """The files of a checkpoint folder, checked to be there.

    Args:
        unet_folder: holds config.json and the weights: `folder/unet`, or the folder itself.
        weights: the safetensors file.
        unet_config: bounded and filtered; what `UNet2DModel` takes.
        scheduler_config: bounded, without the keys that start with an underscore.
        num_parameters: numbers in the safetensors file.
    """

    unet_folder: Path
    weights: Path
    unet_config: dict[str, Any]
    scheduler_config: dict[str, Any]
    num_parameters: int


def looks_like_checkpoint(folder: Path) -> bool:
    """Whether the folder claims to be a checkpoint (it may still be a broken one)."""
    if (folder / "model_index.json").is_file() or (folder / "unet" / "config.json").is_file():
        return True
    # A training run has a config.json too, so here the scheduler's must be beside it.
    return (folder / "config.json").is_file() and (folder / "scheduler_config.json").is_file()


def check_folder(folder: Path) -> CheckpointFiles:
    """Check everything that can be checked without building the network.

    Takes the layout that diffusers writes (`unet/`, `scheduler/`) and the old one of the first Hub
    repositories, where all files lie at the top.

    Raises:
        UserError: files missing, pickled weights, a truncated file, settings outside the bounds.
    """
    index = folder / "model_index.json"
    if index.is_file():
        _check_class(index, read_json(index), _PIPELINES)
    nested = (folder / "unet" / "config.json").is_file()
    unet_folder = folder / "unet" if nested else folder
    config_path = unet_folder / "config.json"
    weights = unet_folder / WEIGHTS_NAME
    names = [path.name for path in unet_folder.iterdir()]
    if not config_path.is_file():
        if any(name.lower().endswith(PICKLE_SUFFIXES) for name in names):
            refuse_missing_weights(folder.name, names)
        raise UserError(
            "checkpoint_no_config",
            "The folder “{folder}” is not a checkpoint: it holds neither unet/config.json "
            "nor config.json.",
            field="checkpoint",
            folder=folder.name,
        )
    if not weights.is_file():
        refuse_missing_weights(folder.name, names)
    unet_json = read_json(config_path)
    _check_class(config_path, unet_json, ("UNet2DModel",))
    scheduler = next(
        (
            p
            for p in (
                folder / "scheduler" / "scheduler_config.json",
                folder / "scheduler_config.json",
            )
            if p.is_file()
        ),
        None,
    )
    if scheduler is None:
        raise UserError(
            "checkpoint_no_scheduler",
            "The checkpoint “{folder}” has no scheduler_config.json, so its noise schedule is "
            "unknown; save the whole pipeline with diffusers' save_pretrained.",
            field="checkpoint",
            folder=folder.name,
        )
    return CheckpointFiles(
        unet_folder=unet_folder,
        weights=weights,
        unet_config=check_unet_config(unet_json),
        scheduler_config=check_scheduler_config(read_json(scheduler)),
        num_parameters=count_parameters(weights),
    )


def refuse_missing_weights(name: str, file_names: list[str]) -> None:
    """Raise the sentence that fits a checkpoint without safetensors weights."""
    if any(file_name.lower().endswith(PICKLE_SUFFIXES) for file_name in file_names):
        raise UserError(
            "checkpoint_pickle",
            "The weights of “{name}” are a pickle, which can run code when opened; convert them "
            "with diffusers' save_pretrained(..., safe_serialization=True) and use that folder.",
            field="checkpoint",
            name=name,
        )
    raise UserError(
        "checkpoint_no_weights",
        "The checkpoint “{name}” has no diffusion_pytorch_model.safetensors beside its "
        "config.json.",
        field="checkpoint",
        name=name,
    )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of at most 1 MB.

    Raises:
        UserError: too large, not JSON, or not an object.
    """
    try:
        if not path.is_file():  # a pipe would be waited for, a device never ends
            raise OSError("not a file")
        with path.open("rb") as file:
            content = file.read(_MAX_JSON_BYTES + 1)
        value = json.loads(content) if len(content) <= _MAX_JSON_BYTES else None
    except (OSError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UserError(
            "checkpoint_json_invalid",
            "The checkpoint's {file} is not a JSON object of at most 1 MB.",
            field="checkpoint",
            file=path.name,
        )
    return value


def count_parameters(weights: Path) -> int:
    """How many numbers a safetensors file holds, from its header; checks that the file is whole.

    Raises:
        UserError: truncated, not safetensors, or more than `MAX_PARAMETERS`.
    """
    try:
        # Opening compares the header with the file's length and touches no tensor.
        with safe_open(weights, framework="numpy") as file:
            slices = [file.get_slice(key) for key in file.keys()]
            total = sum(math.prod(part.get_shape()) for part in slices)
            kinds = {part.get_dtype() for part in slices}
    except (SafetensorError, OSError) as error:
        raise weights_broken(weights) from error
    refuse_too_large(total)
    if not kinds <= _NUMBER_TYPES:
        raise weights_broken(weights)
    return total


def weights_broken(weights: Path) -> UserError:
    """The sentence for a file that is not what its name says."""
    return UserError(
        "checkpoint_weights_broken",
        "The weights file {file} is truncated or damaged; copy or download the checkpoint again.",
        field="checkpoint",
        file=weights.name,
    )


def refuse_too_large(num_parameters: int) -> None:
    """Raise unless the network has at most `MAX_PARAMETERS` parameters."""
    if num_parameters > MAX_PARAMETERS:
        raise UserError(
            "checkpoint_too_large",
            "The checkpoint's network would have {count} million parameters; at most {limit} "
            "million are taken.",
            field="checkpoint",
            count=num_parameters // 10**6,
            limit=MAX_PARAMETERS // 10**6,
        )


def _check_class(path: Path, config: Mapping[str, Any], known: tuple[str, ...]) -> None:
    name = config.get("_class_name", known[0])
    if name not in known:
        raise UserError(
            "checkpoint_class_unknown",
            "The checkpoint's {file} names the class “{name}”; only unconditional DDPM and DDIM "
            "pipelines around a UNet2DModel can be used.",
            field="checkpoint",
            file=path.name,
            name=str(name)[:80],
        )
