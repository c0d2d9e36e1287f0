"""How long a step of a configuration takes on this machine, by taking some.

    python -m ddpm_demo.training.measure --config FILE

prints {"seconds_per_step": ...}. The pictures are noise, so that the data need not be there yet.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..errors import UserError
from .config import TrainConfig
from .events import read_events

NUM_STEPS = 6
NUM_WARM_UP = 2  # the first steps plan and allocate


def seconds_per_step(config: TrainConfig) -> float:
    """Median seconds of a step, with the trainer itself in a folder that is gone afterwards.

    Raises:
        UserError: the configuration cannot be trained.
    """
    size_px, batch = max(config.sizes_px), config.batch_at(max(config.sizes_px))
    generator = np.random.default_rng(0)
    shape = (min(batch, 64), size_px, size_px, config.channels)
    with TemporaryDirectory(prefix="ddpm-demo-") as folder:
        data = Path(folder) / "noise.npy"
        np.save(data, generator.integers(0, 256, shape, dtype=np.uint8))
        run = Path(folder) / "run"
        from .run import train

        train(
            replace(
                config,
                data=str(data),
                out=str(run),
                max_steps=NUM_STEPS,
                max_hours=None,
                log_steps=1,
                checkpoint_minutes=None,
                checkpoint_steps=None,
                sample_minutes=None,
                sample_steps=None,
                validation_minutes=None,
            )
        )
        rates = [e["images_per_s"] for e in read_events(run) if e["kind"] == "loss"]
    return batch / statistics.median(rates[NUM_WARM_UP:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the measurement; exit code 2 and one sentence for what the user can mend."""
    parser = argparse.ArgumentParser(prog="python -m ddpm_demo.training.measure")
    parser.add_argument("--config", type=Path, required=True, help="JSON file, see TrainConfig")
    options = parser.parse_args(arguments)
    try:
        print(json.dumps({"seconds_per_step": seconds_per_step(TrainConfig.load(options.config))}))
    except (UserError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
