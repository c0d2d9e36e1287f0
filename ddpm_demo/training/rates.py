"""Learning rate and EMA decay as functions of how far a run has come."""

from __future__ import annotations

import math

from .config import TrainConfig

FLOOR = 0.002  # of the full learning rate, at the very end


def progress(config: TrainConfig, step: int, elapsed_s: float) -> float:
    """How much of the run is done, in [0, 1]; 0 for a run without an end."""
    by_steps = step / config.max_steps if config.max_steps else 0.0
    by_hours = elapsed_s / (3600 * config.max_hours) if config.max_hours else 0.0
    return min(1.0, max(by_steps, by_hours))


def learning_rate(config: TrainConfig, step: int, elapsed_s: float) -> float:
    """The rate of step `step`: linear warm-up, constant, cosine over the last part of the run."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    if config.decay_start_step is not None and config.max_steps:
        length = max(1, config.max_steps - config.decay_start_step)
        fallen = (step - config.decay_start_step) / length
    elif config.decay_fraction > 0:
        done = progress(config, step, elapsed_s)
        fallen = (done - (1 - config.decay_fraction)) / config.decay_fraction
    else:
        fallen = 0.0
    fallen = min(1.0, max(0.0, fallen))
    cosine = FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * fallen))
    return config.learning_rate * warm * cosine


def ema_decay(config: TrainConfig, step: int) -> float:
    """min(ema_decay, 1 - (1 + step) ** -ema_power): warm-up as in Karras's and lucidrains' EMA."""
    return min(config.ema_decay, 1 - (1 + step) ** -config.ema_power)
