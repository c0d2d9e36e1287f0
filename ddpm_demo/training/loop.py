"""The training loop: one step is draw, corrupt, predict, weigh, descend, average."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor

from ..core.schedule import Schedule
from ..errors import UserError
from .config import TrainConfig
from .data import Feeder
from .events import EventLog
from .gauge import Gauge
from .network import memory_layout
from .objective import StepLoss
from .randomness import draw_step, size_at
from .rates import ema_decay, learning_rate
from .sharding import local_parts
from .sheets import write_sheet
from .state import Position, State
from .validation import Validation

STOP_FILE = "STOP"
SYNC_STEPS = 5  # with several processes, how often they agree on time and on stopping


class StopSignal(AbstractContextManager["StopSignal"]):
    """Notes SIGTERM and SIGINT, so that the loop ends at a step boundary after saving."""

    def __init__(self) -> None:
        self.received = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = True


class Trainer:
    """Everything a run needs, put together by `ddpm_demo.training.run.train`.

    Args:
        config: the settings.
        accelerator: knows the processes and the device.
        state: network, average and optimiser; loaded already when resuming.
        position: where training starts.
        feeder: the data.
        schedule, prediction_type: what the network's output means.
        objective: what it learns.
        events: the log; silent in all but the main process.
        validation: held-out pictures, in the main process; None for none.
        gauge: of memorisation, in the main process; None for none.
    """

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Accelerator,
        state: State,
        position: Position,
        feeder: Feeder,
        schedule: Schedule,
        prediction_type: str,
        objective: StepLoss,
        events: EventLog,
        validation: Validation | None = None,
        gauge: Gauge | None = None,
    ):
        self.config = config
        self.accelerator = accelerator
        self.state = state
        self.position = position
        self.feeder = feeder
        self.schedule = schedule
        self.prediction_type = prediction_type
        self.events = events
        self.validation = validation
        self.gauge = gauge
        self.run = Path(config.out)
        self.objective = objective
        self.trained = [p for p in state.unet.parameters() if p.requires_grad]
        network = torch.compile(state.unet, dynamic=False) if config.compile else state.unet
        # Shared out, the network sees to its gradients itself; else accelerate does.
        self.network = network if state.sharded else accelerator.prepare(network)
        self.optimizer = accelerator.prepare(state.optimizer)
        self._layout = memory_layout(config)
        self._losses: list[Tensor] = []
        self._stop_reason: str | None = None
        self._sheet_step: int | None = None  # of the newest sheet
        self._elapsed_s = position.elapsed_s

    def train(self) -> str:
        """Trains until an end is reached; returns why it stopped. Leaves a checkpoint behind.

        Raises:
            OSError: the last checkpoint could not be written.
            UserError: the loss is no longer a number.
        """
        started = time.monotonic() - self.position.elapsed_s
        self._saved_at = self._sheet_at = self._logged_at = time.monotonic()
        self._validated_at = self._saved_at
        self._logged_samples = self.position.samples_seen
        with StopSignal() as stop_signal:
            while True:
                self._agree(time.monotonic() - started, stop_signal)
                if self._stop_reason:
                    break
                self._step()
                self._after_step()
            # First of all: whoever has lost patience kills what draws the last sheet.
            self._log_losses()
            self._save(last=True)
        config, by_signal = self.config, self._stop_reason == "signal"
        has_sheets = bool(config.sample_steps or config.sample_minutes)
        if has_sheets and self._sheet_step != self.position.step and not by_signal:
            self._sheet()  # what the run has come to; whoever sent a signal does not wait for it
        self.events.write("stop", self.position.step, reason=self._stop_reason)
        return self._stop_reason

    def _step(self) -> None:
        config, position = self.config, self.position
        size_px = size_at(config.seed, position.step, config.sizes_px)
        batch = config.batch_at(size_px)
        part = self._part(batch)
        draws = draw_step(
            config.seed,
            position.step,
            size_px,
            batch,
            config.channels,
            self.schedule.num_timesteps,
            part,
        )
        device = self.accelerator.device
        x_0 = self.feeder.batch(draws, position.samples_seen, part).to(device)
        x_0 = x_0.contiguous(memory_format=self._layout)
        noise = draws.noise.to(device)
        t = draws.t[part].to(device)
        loss = self.objective.batch_loss(self._predict, x_0, t, noise, position.step)
        self.accelerator.backward(loss)
        if config.clip_norm is not None:
            self.accelerator.clip_grad_norm_(self.trained, config.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, position.step, self._elapsed_s)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._average()
        self._losses.append(loss.detach())
        self.position = Position(
            position.step + 1,
            position.samples_seen + batch,
            position.pixels_seen + batch * size_px**2,
            self._elapsed_s,
        )

    def _predict(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The network's output; the same dropout, if it has any, at each call of a step."""
        torch.manual_seed(self.config.seed * 2**32 + self.position.step)
        with self.accelerator.autocast():
            return self.network(x_t, t, return_dict=False)[0]

    @torch.no_grad()
    def _average(self) -> None:
        decay = ema_decay(self.config, self.position.step)
        averaged, weights = self.state.ema_unet.parameters(), self.state.unet.parameters()
        torch._foreach_lerp_(local_parts(averaged), local_parts(weights), 1 - decay)

    def _part(self, batch: int) -> slice:
        share = batch // self.accelerator.num_processes
        first = share * self.accelerator.process_index
        return slice(first, first + share)

    def _agree(self, elapsed_s: float, stop_signal: StopSignal) -> None:
        """Sets the time and whether to stop, the same in every process."""
        if self.accelerator.num_processes == 1:
            self._elapsed_s = elapsed_s
            self._stop_reason = self._reason(elapsed_s, stop_signal.received)
            return
        step = self.position.step
        if step % SYNC_STEPS and step != self.config.max_steps:
            return
        signals = self.accelerator.gather(self._tensor([float(stop_signal.received)]))
        reasons = [None, "steps", "hours", "stop file", "signal"]
        mine = reasons.index(self._reason(elapsed_s, bool(signals.any())))
        agreed = self.accelerator.gather(self._tensor([elapsed_s, float(mine)]).view(1, 2))[0]
        self._elapsed_s = float(agreed[0])
        self._stop_reason = reasons[int(agreed[1])]

    def _tensor(self, values: list[float]) -> Tensor:
        return torch.tensor(values, device=self.accelerator.device)

    def _reason(self, elapsed_s: float, signalled: bool) -> str | None:
        config = self.config
        if config.max_steps is not None and self.position.step >= config.max_steps:
            return "steps"
        if config.max_hours is not None and elapsed_s >= 3600 * config.max_hours:
            return "hours"
        if (self.run / STOP_FILE).exists():
            return "stop file"
        return "signal" if signalled else None

    def _after_step(self) -> None:
        config, step = self.config, self.position.step
        if step % config.log_steps == 0:
            self._log_losses()
        now = time.monotonic()
        sheet, validate, save = self._agreed(
            _due(step, config.sample_steps)
            or _overdue(now, self._sheet_at, config.sample_minutes),
            self.validation is not None
            and _overdue(now, self._validated_at, config.validation_minutes),
            _due(step, config.checkpoint_steps)
            or _overdue(now, self._saved_at, config.checkpoint_minutes),
        )
        if sheet:
            self._sheet_at = now
            self._sheet()
        if validate:
            self._validated_at = now
            self._validate()
        if save:
            self._saved_at = now
            self._save()

    def _agreed(self, *due: bool) -> list[bool]:
        """What the main process finds due; the others are needed where each has a part only."""
        if not self.state.sharded:
            return list(due)
        flags = self._tensor([float(one) for one in due])
        return [bool(one) for one in broadcast(flags, from_process=0)]

    def _validate(self) -> None:
        unet = self.state.average()
        if self.validation is not None:
            loss = self.validation.loss(unet, self.objective)
            self.events.write("validation", self.position.step, loss=loss)

    def _log_losses(self) -> None:
        if not self._losses:
            return
        losses = torch.stack(self._losses)
        if self.accelerator.num_processes > 1:
            losses = self.accelerator.reduce(losses, reduction="mean")
        self._losses = []
        values = losses.tolist()
        if not all(abs(value) < float("inf") for value in values):
            raise UserError(
                "train_diverged",
                "Training diverged: the loss is no longer a number at step {step}; "
                "start again with a lower learning rate.",
                step=self.position.step,
            )
        now = time.monotonic()
        seconds = max(1e-9, now - self._logged_at)
        rate = (self.position.samples_seen - self._logged_samples) / seconds
        self._logged_at, self._logged_samples = now, self.position.samples_seen
        self.events.write(
            "loss",
            self.position.step,
            losses=values,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            samples_seen=self.position.samples_seen,
            images_per_s=round(rate, 2),
            elapsed_s=round(self.position.elapsed_s, 1),
        )

    def _sheet(self) -> None:
        self._sheet_step = self.position.step
        unet = self.state.average()
        if not self.accelerator.is_main_process:
            return
        path = self.run / "samples" / f"{self.position.step:08d}.png"
        try:
            images = write_sheet(unet, self.schedule, self.prediction_type, self.config, path)
            facts: dict[str, object] = {"path": f"samples/{path.name}"}
            if self.gauge:
                reading = self.gauge.read(images)
                beside = path.with_stem(f"{path.stem}-nearest")
                self.gauge.write_sheet(images, reading, beside)
                facts["nearest"] = f"samples/{beside.name}"
                facts |= {"distance": reading.distance, "ratio": reading.ratio}
                facts["unlike"] = reading.unlike
        except OSError as error:
            self.events.write("warning", self.position.step, message=str(error))
            return
        self.events.write("samples", self.position.step, **facts)

    def _save(self, last: bool = False) -> None:
        main = self.accelerator.is_main_process
        if not main and not self.state.sharded:
            return
        started = time.monotonic()
        try:
            folder = self.state.save(self.run, self.position, writes=main)
        except OSError as error:
            self.events.write("warning", self.position.step, message=str(error))
            if last:
                raise
            return  # perhaps there is room again next time; the older checkpoints are still there
        if folder is None:
            return
        seconds = round(time.monotonic() - started, 2)
        self.events.write("checkpoint", self.position.step, path=folder.name, seconds=seconds)


def _due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0


def _overdue(now: float, last: float, minutes: float | None) -> bool:
    return minutes is not None and now - last >= 60 * minutes
