"""What came of an attack."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ddpm_demo.errors import UserError

MAX_KEPT = 20
SLOW_SECONDS = 20.0


@dataclass
class Tally:
    """Counts by outcome, and the faults themselves.

    Args:
        kind: of the attack.
        taken: cases that were taken for good.
        refused: cases that were refused with a sentence.
        faults: (where, what was sent) of the first cases that ended otherwise, one a place.
        num_faults: of all such cases.
        slowest: seconds of the slowest case.
    """

    kind: str
    taken: int = 0
    refused: int = 0
    num_faults: int = 0
    slowest: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)
    sentences: Counter[str] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        return self.taken + self.refused + self.num_faults

    def line(self) -> str:
        """A row of SECURITY.md's table."""
        return (
            f"| {self.kind} | {self.cases:,} | {self.taken:,} | {self.refused:,} "
            f"| {self.num_faults:,} | {self.slowest:.1f} |"
        )

    def fault(self, where: str, what: object) -> None:
        """Something else than a good answer or a sentence."""
        self.num_faults += 1
        if len(self.faults) < MAX_KEPT:
            self.faults.setdefault(where, ascii(what)[:300])


def attack(
    kind: str, cases: Iterator[tuple[object, Callable[[], object]]], seconds: float | None = None
) -> Tally:
    """Try the cases, all of them or for so many seconds.

    Args:
        kind: what it is called.
        cases: (what is sent, the call that sends it); the call must give an answer or a sentence.
        seconds: after which no further case is begun.
    """
    tally, until = Tally(kind), None if seconds is None else time.monotonic() + seconds
    for what, call in cases:
        if until is not None and time.monotonic() > until:
            break
        started = time.perf_counter()
        try:
            try:
                call()
                tally.taken += 1
            except UserError as error:
                str(error).encode()  # what cannot be printed cannot be told either
                tally.refused += 1
                tally.sentences[error.key] += 1
        except Exception as error:  # noqa: BLE001  that is what is looked for
            frames = traceback.extract_tb(error.__traceback__)
            place = next((f for f in reversed(frames) if "ddpm_demo/" in f.filename), frames[-1])
            where = f"{type(error).__name__} at {place.filename.rpartition('/')[2]}:{place.lineno}"
            tally.fault(where, (what, str(error)[:200]))
        took = time.perf_counter() - started
        tally.slowest = max(tally.slowest, took)
        if took > SLOW_SECONDS:
            tally.fault("slow", what)
    return tally
