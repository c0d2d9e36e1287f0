"""The network of a run, new, from a checkpoint or from the run folder, and what of it learns."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import torch
from torch import nn

from ..checkpoints import library as checkpoints
from ..errors import UserError
from .config import TrainConfig
from .diffusers_classes import Attention, AttnProcessor, DDPMScheduler, UNet2DModel
from .export import scheduler_arguments, scheduler_config
from .muon import Muon
from .objective import Others
from .sharding import all_processes, shard
from .state import State, list_checkpoints


def build_network(config: TrainConfig) -> tuple[UNet2DModel, DDPMScheduler]:
    """The network and schedule to train, in train mode.

    A run that has checkpoints goes on with the network they are of: the checkpoint it once started
    from may be gone or replaced.

    Raises:
        UserError: the checkpoint is not there or unsafe, or does not fit the configuration.
    """
    own = _from_run(Path(config.out)) if config.start else None
    if own:
        unet, scheduler = own
    elif config.start:
        loaded = checkpoints.load(config.start)
        unet = copy.deepcopy(loaded.unet).requires_grad_(True)
        scheduler = DDPMScheduler(**scheduler_arguments(loaded.scheduler_config))
    else:
        unet = _new_network(config)
        scheduler = DDPMScheduler(**scheduler_config(config.prediction_type, config.beta_schedule))
    _check(config, unet)
    return unet.train(), scheduler


def build_state(
    config: TrainConfig, unet: UNet2DModel, device: torch.device, others: Others | None = None
) -> State:
    """Network and average on the device, with an optimiser of the parts to train, and what is
    trained beside them.

    Shared out over the processes where the configuration says so.
    """
    ema_unet = UNet2DModel.from_config(dict(unet.config))
    ema_unet.load_state_dict(unet.state_dict())
    layout = memory_layout(config)
    # Not by diffusers' own `to`, which imports what offloads networks.
    nn.Module.to(unet, device, memory_format=layout)
    nn.Module.to(ema_unet, device, memory_format=layout).eval().requires_grad_(False)
    choose_parts(unet, config.train_parts)
    if device.type == "cpu":
        plain_attention(unet)
    mesh = all_processes(device) if config.sharding == "full" else None
    if mesh is not None:
        shard(unet, mesh)
        shard(ema_unet, mesh)
    settings = {
        "lr": config.learning_rate,
        "betas": (config.adam_betas[0], config.adam_betas[1]),
        "weight_decay": config.weight_decay,
    }
    trained = [p for p in unet.parameters() if p.requires_grad]
    if config.optimizer == "muon":
        optimizer: torch.optim.Optimizer = Muon(trained, **settings)
    else:
        optimizer = torch.optim.AdamW(trained, **settings, fused=True)
    return State(unet, ema_unet, optimizer, mesh is not None, others)


def memory_layout(config: TrainConfig) -> torch.memory_format:
    """How weights and batches lie in memory."""
    # torch 2.13 crashes on channels-last in group_norm's backward pass on the CPU when its input
    # needs no gradient, as behind a frozen first convolution.
    # FSDP takes contiguous weights only.
    plain = config.train_parts != "all" or config.sharding == "full" or not config.channels_last
    return torch.contiguous_format if plain else torch.channels_last


def plain_attention(unet: UNet2DModel) -> None:
    """Attention written out instead of torch's fused one.

    On a CPU the backward pass of the fused kernel takes a fifth of a whole step of `faces-64`.
    """
    for module in unet.modules():
        if isinstance(module, Attention):
            module.set_processor(AttnProcessor())


def choose_parts(unet: UNet2DModel, parts: str) -> None:
    """Freezes all but the parts to train.

    "norms_and_biases" is DiffFit's choice for small data (Xie et al. 2023, arXiv:2304.06648)
    without its extra scales; "attention_and_norms" adds the attention layers' matrices instead of
    the biases.
    """
    if parts == "all":
        return
    for name, parameter in unet.named_parameters():
        norm = "norm" in name
        if parts == "norms_and_biases":
            parameter.requires_grad_(norm or name.endswith(".bias"))
        else:
            parameter.requires_grad_(norm or "attentions" in name)


def _from_run(run: Path) -> tuple[UNet2DModel, DDPMScheduler] | None:
    for _, folder in list_checkpoints(run):
        try:
            config = json.loads((folder / "unet.json").read_text(encoding="utf-8"))
            plain = {k: v for k, v in config.items() if not k.startswith("_")}
            scheduler = DDPMScheduler.from_pretrained(
                run, subfolder="scheduler", local_files_only=True
            )
            return UNet2DModel.from_config(plain), scheduler
        except (OSError, ValueError, TypeError):
            continue
    return None


def _new_network(config: TrainConfig) -> UNet2DModel:
    torch.manual_seed(config.seed)
    given = {
        "sample_size": max(config.sizes_px),
        "in_channels": config.channels,
        "out_channels": config.channels,
        **config.unet,
    }
    try:
        return UNet2DModel(**given)
    except (TypeError, ValueError, KeyError, RuntimeError, IndexError, ZeroDivisionError) as error:
        raise UserError(
            "train_network_invalid",
            "The network cannot be built as configured: {reason}",
            field="unet",
            reason=str(error),
        ) from error


def _check(config: TrainConfig, unet: UNet2DModel) -> None:
    channels = unet.config.in_channels
    if not channels == unet.config.out_channels == config.channels:
        raise UserError(
            "train_channels_mismatch",
            "The network works on {expected} channels but the configuration asks for {actual}.",
            field="channels",
            expected=channels,
            actual=config.channels,
        )
    multiple = 2 ** (len(unet.config.block_out_channels) - 1)
    for size_px in config.sizes_px:
        if size_px % multiple:
            raise UserError(
                "train_size_multiple",
                "The size of training pictures must be a multiple of {multiple} for this network; "
                "{size_px} is not.",
                field="sizes_px",
                multiple=multiple,
                size_px=size_px,
            )
