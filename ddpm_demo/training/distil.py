"""What a run learns, and the teacher of one that distils: kept in the run folder, so that a run
goes on with the same one even if the checkpoint it was named by is gone.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints import library as checkpoints
from ..checkpoints.safety import check_folder
from ..core.denoiser import UNetDenoiser
from ..core.schedule import Schedule
from ..errors import UserError
from ..samplers.table import check_task
from .adversarial import AdversarialObjective
from .config import TrainConfig
from .consistency import ConsistencyObjective
from .diffusers_classes import UNet2DModel
from .few_steps import chain_and_leaps
from .network import memory_layout, plain_attention
from .objective import Objective, StepLoss
from .progressive import ProgressiveObjective

TEACHER = "teacher"  # folder of the teacher's network in the run folder


def check_teacher(config: TrainConfig) -> None:
    """Refuses a teacher that makes other pictures than the run trains on, or speaks of noise in
    other terms than the checkpoint that the run starts from.

    Raises:
        UserError: there is no such checkpoint, or its channels, size, schedule or kind of
            prediction are others.
    """
    if not config.distils or (Path(config.out) / TEACHER).is_dir():
        return
    assert config.teacher is not None
    info = checkpoints.find(config.teacher)
    check_task(info, "train")  # a teacher has to know every noise level
    sizes = {info.size_px} if info.prior != "photo" else set(config.sizes_px)
    if info.channels != config.channels or set(config.sizes_px) != sizes:
        raise UserError(
            "train_teacher_other",
            "The teacher {teacher} makes pictures of {size} x {size} with {channels} channels; "
            "the run must train on such pictures.",
            field="teacher",
            teacher=info.name,
            size=info.size_px,
            channels=info.channels,
        )
    if config.from_checkpoint and not _alike(config.from_checkpoint, config.teacher):
        raise UserError(
            "train_teacher_schedule",
            "The checkpoint {start} has another noise schedule, or predicts something else, than "
            "the teacher {teacher}; start from the teacher, or from what was distilled from it.",
            field="from_checkpoint",
            start=config.from_checkpoint,
            teacher=info.name,
        )


def _alike(first: str, second: str) -> bool:
    """Whether an output of the two networks means the same at each timestep."""
    schedulers = [
        check_folder(checkpoints.find(name).folder).scheduler_config for name in (first, second)
    ]
    ours, theirs = map(Schedule.from_config, schedulers)
    kinds = {config.get("prediction_type", "epsilon") for config in schedulers}
    return len(kinds) == 1 and ours.is_like(theirs)


def build_objective(
    config: TrainConfig, schedule: Schedule, prediction_type: str, device: torch.device
) -> StepLoss:
    """The loss of the run's steps.

    Raises:
        UserError: the teacher is not there or unsafe.
        OSError: it cannot be kept in the run folder.
    """
    if config.objective == "diffusion":
        return Objective(schedule, prediction_type, config.snr_gamma, device, config.log_sigma)
    if config.objective == "progressive":
        denoiser = UNetDenoiser(
            _teacher(config, device), schedule, prediction_type, precision="float32"
        )
        chain, leaps = chain_and_leaps(config, schedule)
        return ProgressiveObjective(schedule, prediction_type, denoiser, chain, leaps, device)
    with_teacher = config.consistency_path == "teacher"
    is_adversarial = config.objective == "adversarial"
    unet = _teacher(config, device) if with_teacher or is_adversarial else None

    def teacher(x_t: Tensor, t: Tensor) -> Tensor:
        return unet(x_t, t, return_dict=False)[0]

    consistency = ConsistencyObjective(
        schedule,
        prediction_type,
        config.gap_halving_steps,
        config.min_gap,
        device,
        teacher if with_teacher else None,
    )
    if not is_adversarial:
        return consistency
    return AdversarialObjective(
        consistency,
        unet,
        max(config.sizes_px),
        config.adversary_share,
        config.discriminator_rate,
        config.seed,
    )


def keep_teacher(config: TrainConfig) -> None:
    """Copies the teacher's network into the run folder, whole or not at all.

    Raises:
        UserError: the teacher is not there or unsafe.
        OSError: there is no room.
    """
    folder = Path(config.out) / TEACHER
    if not config.distils or folder.is_dir():
        return
    assert config.teacher is not None
    partial = folder.with_name(f".{TEACHER}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    checkpoints.load(config.teacher).unet.save_pretrained(partial)
    os.replace(partial, folder)


def _teacher(config: TrainConfig, device: torch.device) -> UNet2DModel:
    folder = Path(config.out) / TEACHER
    unet = UNet2DModel.from_pretrained(folder, use_safetensors=True, local_files_only=True)
    unet = unet.eval().requires_grad_(False).to(device, memory_format=memory_layout(config))
    if device.type == "cpu":
        plain_attention(unet)
    return unet
