"""A whole training run: report, start or resume, train, export."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from ..core.schedule import Schedule
from ..errors import UserError
from ..pictures.images import make_grid, to_pil
from .config import TrainConfig
from .data import Feeder
from .distil import build_objective, check_teacher, keep_teacher
from .events import EventLog
from .export import RESULT, write_result
from .files import Tell
from .gauge import Gauge
from .launch import KEEP_STOP
from .loop import STOP_FILE, Trainer
from .network import build_network, build_state
from .precision import mixed_precision
from .randomness import draw_step
from .sources import open_source
from .state import Position, State, list_checkpoints, remove_partial
from .validation import open_validation

DATA_SHEET = "data.png"
PREPARING_SECONDS = 2.0


def train(config: TrainConfig) -> str:
    """Trains as configured, going on where the run folder left off; returns why it stopped.

    Raises:
        UserError: the data, the starting checkpoint or the run folder does not fit.
        OSError: the run folder cannot be written.
    """
    torch.set_num_threads(config.num_threads)
    on_cpu = not torch.accelerator.is_available()
    accelerator = Accelerator(
        cpu=on_cpu, mixed_precision=mixed_precision(config.mixed_precision, on_cpu)
    )
    run = Path(config.out)
    main = accelerator.is_main_process
    if main:
        run.mkdir(parents=True, exist_ok=True)
        remove_partial(run)
        if not os.environ.get(KEEP_STOP):
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
        accelerator.end_training()


def _train(config: TrainConfig, accelerator: Accelerator, run: Path, events: EventLog) -> str:
    main = accelerator.is_main_process
    events.write("starting", 0, pid=os.getpid())
    check_batches(config, accelerator.num_processes)
    changed = _changes(run, config)
    check_teacher(config)
    with accelerator.main_process_first():  # the others find the prepared pictures
        samples, report = open_source(config, _teller(events))
        keep_teacher(config)
    unet, scheduler = build_network(config)
    schedule = Schedule.from_config(scheduler.config)
    feeder = Feeder(samples, config.fit, config.flips)
    sheet = _data_sheet(config, feeder, schedule, run) if main else None
    events.write("report", 0, sheet=sheet, **dataclasses.asdict(report))
    prediction_type = scheduler.config.prediction_type
    objective = build_objective(config, schedule, prediction_type, accelerator.device)
    state = build_state(config, unet, accelerator.device, objective.others())
    position = resume(run, state, events)
    if main:
        scheduler.save_pretrained(run / "scheduler")
        (run / "config.json").write_text(config.to_json(), encoding="utf-8")
    events.write(
        "start",
        position.step,
        from_step=position.step,
        parameters=sum(p.numel() for p in unet.parameters()),
        trained_parameters=sum(p.numel() for p in unet.parameters() if p.requires_grad),
        num_processes=accelerator.num_processes,
        device=str(accelerator.device),
        changed=changed,
    )
    trainer = Trainer(
        config,
        accelerator,
        state,
        position,
        feeder,
        schedule,
        prediction_type,
        objective,
        events,
        open_validation(config, schedule.num_timesteps) if main else None,
        Gauge.of(samples, config) if main and draws_sheets(config) else None,
    )
    reason = trainer.train()
    average = state.average()
    if main:
        titled = dataclasses.replace(config, title=_title(run, config))
        write_result(run, titled, average, scheduler, trainer.position)
        events.write("done", trainer.position.step, path=RESULT, reason=reason)
    accelerator.wait_for_everyone()
    return reason


def _title(run: Path, config: TrainConfig) -> str:
    """The run's title, which may have been changed in its folder while it trained."""
    try:
        return str(json.loads((run / "config.json").read_text(encoding="utf-8"))["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return config.title


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


def _teller(events: EventLog) -> Tell:
    """Writes an event every few seconds while the data are prepared."""
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PREPARING_SECONDS:
            last = time.monotonic()
            events.write("preparing", 0, done=done, total=total)

    return tell


def _data_sheet(config: TrainConfig, feeder: Feeder, schedule: Schedule, run: Path) -> str:
    """Saves some pictures as the network will see them; returns the file's name."""
    size_px = max(config.sizes_px)
    part = slice(0, 36)
    draws = draw_step(config.seed, 0, size_px, 36, 1, schedule.num_timesteps, slice(0, 0))
    pictures = to_pil(feeder.batch(draws, 0, part))
    make_grid(pictures).save(run / DATA_SHEET)
    return DATA_SHEET


def draws_sheets(config: TrainConfig) -> bool:
    """Whether there will be sample sheets."""
    return config.sample_steps is not None or config.sample_minutes is not None


def check_batches(config: TrainConfig, num_processes: int) -> None:
    """Refuses batches that the processes cannot share evenly.

    Raises:
        UserError: a batch is no multiple of the number of processes.
    """
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
