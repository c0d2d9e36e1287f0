"""A whole training run: report, start or resume, train, export."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler, UNet2DModel

from ..errors import UserError
from ..schedule import Schedule
from .config import TrainConfig
from .data import Feeder
from .events import EventLog
from .export import scheduler_config, write_pipeline
from .loop import STOP_FILE, Trainer
from .sources import open_source
from .state import Position, State, list_checkpoints, remove_partial

RESULT = "result"  # the finished pipeline folder, in the run folder


def train(config: TrainConfig) -> str:
    """Trains as configured, going on where the run folder left off; returns why it stopped.

    Raises:
        UserError: the data, the starting checkpoint or the run folder does not fit.
        OSError: the run folder cannot be written.
    """
    torch.set_num_threads(config.num_threads)
    accelerator = Accelerator(cpu=not torch.accelerator.is_available())
    run = Path(config.out)
    main = accelerator.is_main_process
    if main:
        run.mkdir(parents=True, exist_ok=True)
        remove_partial(run)
        (run / STOP_FILE).unlink(missing_ok=True)
    accelerator.wait_for_everyone()
    events = EventLog(run if main else None)
    try:
        return _train(config, accelerator, run, events)
    except (UserError, OSError) as error:
        events.write("error", 0, message=str(error))
        raise
    finally:
        events.close()


def _train(config: TrainConfig, accelerator: Accelerator, run: Path, events: EventLog) -> str:
    main = accelerator.is_main_process
    events.write("starting", 0, pid=os.getpid())
    _check_batches(config, accelerator.num_processes)
    changed = _changes(run, config)
    source, report = open_source(config)
    events.write("report", 0, **dataclasses.asdict(report))
    unet, scheduler = build_network(config)
    state = build_state(config, unet, accelerator.device)
    position = resume(run, state, events)
    if main:
        scheduler.save_pretrained(run / "scheduler")
        (run / "config.json").write_text(config.to_json(), encoding="utf-8")
    parameters = sum(p.numel() for p in unet.parameters())
    events.write(
        "start",
        position.step,
        from_step=position.step,
        parameters=parameters,
        num_processes=accelerator.num_processes,
        device=str(accelerator.device),
        changed=changed,
    )
    schedule = Schedule.from_config(scheduler.config)
    feeder = Feeder(source, config.seed, config.fit, config.flips)
    prediction_type = scheduler.config.prediction_type
    trainer = Trainer(
        config, accelerator, state, position, feeder, schedule, prediction_type, events
    )
    reason = trainer.train()
    if main:
        write_pipeline(state.ema_unet, scheduler, run / RESULT)
        events.write("done", trainer.position.step, path=RESULT, reason=reason)
    accelerator.wait_for_everyone()
    return reason


def build_network(config: TrainConfig) -> tuple[UNet2DModel, DDPMScheduler]:
    """The network and schedule to train: from a checkpoint, or new from the configuration.

    Raises:
        UserError: the checkpoint cannot be loaded, or its channels are not the configuration's.
    """
    if config.from_checkpoint:
        folder = Path(config.from_checkpoint)
        try:
            unet = UNet2DModel.from_pretrained(
                folder, subfolder="unet", use_safetensors=True, local_files_only=True,
                dtype=torch.float32,
            )
            scheduler = DDPMScheduler.from_pretrained(
                folder, subfolder="scheduler", local_files_only=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(
                "train_start_unreadable",
                "The checkpoint to start from, {name}, cannot be loaded: {reason}",
                field="from_checkpoint",
                name=folder.name,
                reason=str(error).splitlines()[0] if str(error) else type(error).__name__,
            ) from error
    else:
        torch.manual_seed(config.seed)
        channels = {"in_channels": config.channels, "out_channels": config.channels}
        try:
            unet = UNet2DModel(**{"sample_size": max(config.sizes_px), **channels, **config.unet})
        except (TypeError, ValueError, KeyError) as error:
            raise UserError(
                "train_network_invalid",
                "The network cannot be built as configured: {reason}",
                field="unet",
                reason=str(error),
            ) from error
        scheduler = DDPMScheduler(
            **scheduler_config(config.prediction_type, config.beta_schedule)
        )
    _check_network(config, unet)
    return unet.train(), scheduler


def build_state(config: TrainConfig, unet: UNet2DModel, device: torch.device) -> State:
    """Network and average on the device, channels-last, with AdamW on the parts to train."""
    ema_unet = UNet2DModel.from_config(dict(unet.config))
    ema_unet.load_state_dict(unet.state_dict())
    unet = unet.to(device, memory_format=torch.channels_last)
    ema_unet = ema_unet.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    choose_parts(unet, config.train_parts)
    optimizer = torch.optim.AdamW(
        [p for p in unet.parameters() if p.requires_grad],
        lr=config.learning_rate,
        betas=(config.adam_betas[0], config.adam_betas[1]),
        weight_decay=config.weight_decay,
        fused=True,
    )
    return State(unet, ema_unet, optimizer)


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


def resume(run: Path, state: State, events: EventLog) -> Position:
    """Loads the newest whole checkpoint of the run into `state`; step 0 when there is none.

    A damaged checkpoint is named in the events and the one before it taken.

    Raises:
        UserError: all checkpoints are damaged or of another network.
    """
    failure: UserError | None = None
    for step, folder in list_checkpoints(run):
        try:
            return state.load(folder)
        except UserError as error:
            if error.key != "train_checkpoint_damaged":
                raise
            events.write("warning", step, message=str(error))
            failure = error
    if failure:
        raise failure
    return Position()


def _check_network(config: TrainConfig, unet: UNet2DModel) -> None:
    channels = unet.config.in_channels
    if channels != config.channels:
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


def _check_batches(config: TrainConfig, num_processes: int) -> None:
    for batch in {config.batch_at(size) for size in config.sizes_px}:
        if batch % num_processes:
            raise UserError(
                "train_batch_split",
                "A batch of {batch} cannot be split evenly over {count} processes.",
                field="batch_size",
                batch=batch,
                count=num_processes,
            )


def _changes(run: Path, config: TrainConfig) -> dict[str, Any]:
    """Settings that differ from those this run was started with."""
    try:
        before = json.loads((run / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    now = json.loads(config.to_json())
    return {name: value for name, value in now.items() if before.get(name, value) != value}
