"""All that resuming needs, on disk: weights, EMA, optimiser, position; safetensors and JSON.

A checkpoint folder is written under another name, synced and renamed, so that `checkpoint-N` is
whole whenever it is there. What is random needs no state: see `randomness`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import UserError
from .diffusers_classes import UNet2DModel
from .muon import kept_of
from .sharding import part_like, whole

PREFIX = "checkpoint-"
NUM_KEPT = 2


@dataclass(frozen=True)
class Position:
    """How far a run has come.

    Args:
        step: optimiser steps done.
        samples_seen: pictures drawn from the data, all processes together.
        pixels_seen: of those pictures (for crops of several sizes).
        elapsed_s: training time, over all restarts.
    """

    step: int = 0
    samples_seen: int = 0
    pixels_seen: int = 0
    elapsed_s: float = 0.0


class State:
    """Weights, their moving average and the optimiser of one run, by parameter name.

    Args:
        unet, ema_unet, optimizer: those of this process.
        sharded: this process has parts of them only; then all processes must call each method.
        others: what is trained beside the network, by name, each with its optimiser; whole in
            every process.
    """

    def __init__(
        self,
        unet: UNet2DModel,
        ema_unet: UNet2DModel,
        optimizer: torch.optim.Optimizer,
        sharded: bool = False,
        others: Mapping[str, tuple[torch.nn.Module, torch.optim.Optimizer]] | None = None,
    ):
        self.unet = unet
        self.ema_unet = ema_unet
        self.optimizer = optimizer
        self.sharded = sharded
        self.others = dict(others or {})

    def average(self) -> UNet2DModel:
        """The averaged network, whole, to sample with; not to be changed."""
        if not self.sharded:
            return self.ema_unet
        config = {k: v for k, v in self.ema_unet.config.items() if not k.startswith("_")}
        unet = UNet2DModel.from_config(config).eval().requires_grad_(False)
        unet.load_state_dict(_tensors(self.ema_unet))
        return unet.to(next(self.ema_unet.parameters()).device)

    def save(self, run: Path, position: Position, writes: bool = True) -> Path | None:
        """Writes `checkpoint-N` and drops all but the newest two; returns its folder.

        Args:
            run: the run folder.
            position: how far the run has come.
            writes: False in the processes that only give their parts.

        Raises:
            OSError: the disk is full or gone; what was there before is untouched.
        """
        files = {
            "unet": _tensors(self.unet),
            "ema": _tensors(self.ema_unet),
            "optimizer": _moments(self.unet, self.optimizer),
        }
        for name, (module, optimizer) in self.others.items():
            files[name] = _tensors(module)
            files[f"{name}-optimizer"] = _moments(module, optimizer)
        if not writes:
            return None
        final = run / f"{PREFIX}{position.step}"
        partial = run / f".{final.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            for name, tensors in files.items():
                save_file(tensors, partial / f"{name}.safetensors")
            config = json.dumps(dict(self.unet.config), indent=2, default=str)
            (partial / "unet.json").write_text(config, encoding="utf-8")
            state = json.dumps({"format": 1, **asdict(position)}, indent=2)
            (partial / "state.json").write_text(state, encoding="utf-8")
            for path in partial.iterdir():
                sync(path)
            sync(partial)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(partial, final)
            sync(run)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise OSError(f"{final.name} could not be written: {error}") from error
        for _, old in list_checkpoints(run)[NUM_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
        return final

    def load(self, folder: Path) -> Position:
        """Takes over a checkpoint folder.

        Raises:
            UserError: a file is missing or damaged, or it is of another network.
        """
        try:
            unet = load_file(folder / "unet.safetensors")
            ema = load_file(folder / "ema.safetensors")
            moments = load_file(folder / "optimizer.safetensors")
            others = {  # none of a run that had another objective so far
                name: load_file(folder / f"{name}.safetensors")
                for one in self.others
                for name in (one, f"{one}-optimizer")
                if (folder / f"{one}.safetensors").is_file()
            }
            values = json.loads((folder / "state.json").read_text(encoding="utf-8"))
            values.pop("format")
            position = Position(**values)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                "train_checkpoint_damaged",
                "The training checkpoint {name} is damaged: {reason}",
                name=folder.name,
                reason=str(error),
            ) from error
        try:
            _load(self.unet, unet)
            _load(self.ema_unet, ema)
            _take_moments(self.unet, self.optimizer, moments)
            for name, (module, optimizer) in self.others.items():
                if name in others:
                    _load(module, others[name])
                    _take_moments(module, optimizer, others[f"{name}-optimizer"])
        except (RuntimeError, KeyError) as error:
            raise UserError(
                "train_checkpoint_other_network",
                "The training checkpoint {name} is of another network than the configuration; "
                "start a new run folder instead.",
                name=folder.name,
            ) from error
        return position


def list_checkpoints(run: Path) -> list[tuple[int, Path]]:
    """(step, folder) of the whole checkpoints of a run, newest first."""
    found = []
    for path in run.glob(PREFIX + "*"):
        number = path.name.removeprefix(PREFIX)
        if number.isdigit() and (path / "state.json").is_file():
            found.append((int(number), path))
    return sorted(found, reverse=True)


def remove_partial(run: Path) -> None:
    """Removes what a killed process left of a checkpoint it was writing."""
    for path in run.glob(f".{PREFIX}*.partial"):
        shutil.rmtree(path, ignore_errors=True)


def sync(path: Path) -> None:
    """Waits until a file's or a folder's content has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _trained(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    return ((n, p) for n, p in model.named_parameters() if p.requires_grad)


def _moments(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {}
    for name, parameter in _trained(model):
        for key, value in optimizer.state.get(parameter, {}).items():
            value = whole(torch.as_tensor(value)).detach()
            tensors[f"{name}:{key}"] = value.cpu().contiguous()
    return tensors


def _take_moments(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> None:
    for name, parameter in _trained(model):
        prefix = name + ":"
        mine = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        if mine.keys() != kept_of(optimizer, parameter):
            continue  # saved before the first step, or by another optimiser: begun anew
        moments = {}
        for key, value in mine.items():
            if key == "step":
                moments[key] = value.clone()
            else:
                like = torch.empty_like(parameter, requires_grad=False)
                moments[key] = like.copy_(part_like(value, parameter))
        optimizer.state[parameter] = moments


def _tensors(model: torch.nn.Module) -> dict[str, Tensor]:
    values = {name: whole(value).detach() for name, value in model.state_dict().items()}
    return {name: value.cpu().contiguous() for name, value in values.items()}


def _load(model: torch.nn.Module, tensors: dict[str, Tensor]) -> None:
    own = model.state_dict()
    model.load_state_dict({n: part_like(v, own[n]) if n in own else v for n, v in tensors.items()})
