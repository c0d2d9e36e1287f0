"""Attack every door and print the rows of SECURITY.md's table.

    python -m benchmarks.fuzz                      # a few seconds a kind
    python -m benchmarks.fuzz decoders --cases 1000000 --seed 1
    python -m benchmarks.fuzz --seconds 120 --cases 1000000

Exit code 1 where there was a fault; each is printed with where it came from.
"""

from __future__ import annotations

import argparse
import logging
import sys
from functools import partial

from . import archives, checkpoints, decoders, handlers, recipes
from .tally import Tally

KINDS = {
    "decoders": (decoders.fuzz, 1000),
    "recipes": (recipes.fuzz, 250),
    "archives": (archives.fuzz, 100),
    "checkpoints": (checkpoints.fuzz, 10),
    "endpoints": (partial(handlers.fuzz, "endpoints"), 100),
    "handlers": (partial(handlers.fuzz, "handlers"), 450),
}


def run(kind: str, cases: int | None = None, seed: int = 0, seconds: float | None = None) -> Tally:
    """One kind of attack; `cases` of None for the few of everyday."""
    logging.disable(logging.CRITICAL)  # libraries tell of every damaged byte
    try:
        fuzz, few = KINDS[kind]
        return fuzz(few if cases is None else cases, seed=seed, seconds=seconds)
    finally:
        logging.disable(logging.NOTSET)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], default=[])
    parser.add_argument("--cases", type=int, help="of each kind (default: a few)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, help="of each kind at most")
    args = parser.parse_args()
    print("| kind | cases | taken | refused | faults | slowest, s |\n|---|---|---|---|---|---|")
    faults = 0
    for kind in args.kinds or KINDS:
        tally = run(kind, args.cases, args.seed, args.seconds)
        print(tally.line(), flush=True)
        for where, what in tally.faults.items():
            print(f"  {where}: {what}", file=sys.stderr)
        faults += tally.num_faults
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
