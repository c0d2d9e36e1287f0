"""Train a checkpoint.

    python -m ddpm_demo.training --config FILE [--set max_hours=2] [--set learning_rate=1e-4]

The run folder named by the configuration's "out" gets `config.json`, `events.jsonl`,
`checkpoint-N/`, `samples/` and in the end `result/`, a diffusers pipeline folder. Running the same
command again goes on from the newest checkpoint; `--set` changes settings for the rest of the run.
A file named STOP in the run folder, SIGTERM or Ctrl-C stop it after the step, with a checkpoint.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..core.memory import keep_between_steps
from ..errors import UserError
from .config import TrainConfig


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains; exit code 2 and one sentence for what the user can mend."""
    parser = argparse.ArgumentParser(
        prog="python -m ddpm_demo.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, help="JSON file, see TrainConfig")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides"
    )
    options = parser.parse_args(arguments)
    try:
        config = TrainConfig.load(options.config, options.overrides)
        keep_between_steps()
        from .run import train  # after the configuration is known to be sound: imports torch

        reason = train(config)
    except (UserError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"stopped: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
