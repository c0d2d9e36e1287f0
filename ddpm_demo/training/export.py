"""The result of a run as a diffusers pipeline folder: EMA weights in half precision.

    python -m ddpm_demo.training.export RUN_DIR --out FOLDER

Works while the run goes on: it takes the newest whole checkpoint.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..checkpoints.model_card import write_model_card
from ..core.schedule import Schedule
from ..errors import UserError
from .config import TrainConfig
from .diffusers_classes import DDPMScheduler, UNet2DModel
from .few_steps import few_steps
from .state import Position, list_checkpoints

RESULT = "result"  # the finished pipeline folder, in the run folder
# As DDPMPipeline.save_pretrained writes it, without importing every pipeline.
MODEL_INDEX = {
    "_class_name": "DDPMPipeline",
    "_diffusers_version": diffusers.__version__,
    "scheduler": ["diffusers", "DDPMScheduler"],
    "unet": ["diffusers", "UNet2DModel"],
}


def scheduler_config(prediction_type: str, beta_schedule: str) -> dict[str, object]:
    """Arguments of `DDPMScheduler` for a run from scratch, all written out."""
    return {
        "num_train_timesteps": 1000,
        "beta_schedule": beta_schedule,
        "beta_start": 1e-4,
        "beta_end": 0.02,
        "prediction_type": prediction_type,
        "clip_sample": True,
        "clip_sample_range": 1.0,
        "variance_type": "fixed_small",
    }


def scheduler_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of any DDPM-family scheduler's config `DDPMScheduler` understands, keys explicit.

    Keys that begin with `_` are dropped: diffusers would replace defaults by other classes' ones.
    """
    known = inspect.signature(DDPMScheduler.__init__).parameters
    return {name: value for name, value in config.items() if name in known}


def write_pipeline(unet: UNet2DModel, scheduler: DDPMScheduler, folder: Path) -> None:
    """Writes or replaces a pipeline folder; other files in it (model card, samples) stay.

    Args:
        unet: the EMA network; written in half precision, left as it is.
        scheduler: goes to `scheduler/scheduler_config.json`.
        folder: what plain `diffusers.DDPMPipeline.from_pretrained` will load.

    Raises:
        OSError: the folder cannot be written.
    """
    config = {k: v for k, v in unet.config.items() if not k.startswith("_")}
    half = UNet2DModel.from_config(config)
    half.load_state_dict({k: v.cpu() for k, v in unet.state_dict().items()})
    nn.Module.to(half, torch.float16)  # diffusers' own warns of layers that there are none of
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        half.save_pretrained(partial / "unet")
        scheduler.save_pretrained(partial / "scheduler")
        (partial / "model_index.json").write_text(json.dumps(MODEL_INDEX, indent=2) + "\n")
        folder.mkdir(parents=True, exist_ok=True)
        # safetensors makes files that their owner alone can read: others may as they may the rest.
        mode = (partial / "model_index.json").stat().st_mode
        for file in sorted(p for p in partial.rglob("*") if p.is_file()):
            target = folder / file.relative_to(partial)
            target.parent.mkdir(exist_ok=True)
            file.chmod(mode)
            os.replace(file, target)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_result(
    run: Path,
    config: TrainConfig,
    unet: UNet2DModel,
    scheduler: DDPMScheduler,
    position: Position,
) -> Path:
    """The finished checkpoint of a run, with a model card; returns its folder.

    Raises:
        OSError: it cannot be written.
    """
    folder = run / RESULT
    schedule = Schedule.from_config(scheduler.config)
    write_pipeline(unet, scheduler, folder)
    front = {
        "title": config.title or run.name,
        "size_px": max(config.sizes_px),
        "prior": config.prior,
        **(few_steps(config, schedule).front() if config.distils else {}),
        "samples_seen": position.samples_seen,
        "library_name": "diffusers",
        "pipeline_tag": "unconditional-image-generation",
    }
    origin = f", from the weights of {config.start}" if config.start else ""
    body = (
        f"# {config.title or run.name}\n\n"
        f"Trained with `python -m ddpm_demo.training` for {position.step} steps, "
        f"{position.samples_seen} samples and {position.elapsed_s / 3600:.1f} hours{origin}. "
        "The configuration:\n\n"
        f"```json\n{config.to_json()}```"
    )
    write_model_card(folder, front, body)
    return folder


def export(run: Path, folder: Path) -> int:
    """Writes the newest checkpoint of a run as a pipeline folder; returns its step.

    Raises:
        UserError: the run has no checkpoint yet, or it is damaged.
        OSError: the folder cannot be written.
    """
    found = list_checkpoints(run)
    if not found:
        raise UserError(
            "train_no_checkpoint",
            "The run folder {name} holds no checkpoint yet.",
            name=run.name,
        )
    step, newest = found[0]
    try:
        config = json.loads((newest / "unet.json").read_text(encoding="utf-8"))
        unet = UNet2DModel.from_config({k: v for k, v in config.items() if not k.startswith("_")})
        unet.load_state_dict(load_file(newest / "ema.safetensors"))
        scheduler = DDPMScheduler.from_pretrained(
            run, subfolder="scheduler", local_files_only=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(
            "train_checkpoint_damaged",
            "The training checkpoint {name} is damaged: {reason}",
            name=newest.name,
            reason=str(error),
        ) from error
    write_pipeline(unet, scheduler, folder)
    return step


def main(arguments: Sequence[str] | None = None) -> int:
    """Exports; exit code 2 and one sentence when there is nothing to export."""
    parser = argparse.ArgumentParser(
        prog="python -m ddpm_demo.training.export", description="Export a run's EMA weights."
    )
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--out", type=Path, required=True, help="pipeline folder to write")
    options = parser.parse_args(arguments)
    try:
        step = export(options.run, options.out)
    except (UserError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"step {step} of {options.run.name} written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
