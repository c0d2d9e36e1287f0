"""The everyday part of `python -m benchmarks.fuzz`; its long part is `slow`.

python -m pytest tests/test_fuzz.py                 # seconds
python -m pytest tests/test_fuzz.py -m slow         # minutes
"""

import pytest

from benchmarks.fuzz.__main__ import KINDS, run
from benchmarks.fuzz.tally import attack
from ddpm_demo.errors import UserError

IN_THIS_PROCESS = ("decoders", "recipes", "archives", "checkpoints")


def check(tally, least):
    assert tally.num_faults == 0, tally.faults
    assert tally.cases >= least and tally.refused > 0, tally.line()


@pytest.mark.parametrize("kind", IN_THIS_PROCESS)
def test_whatever_is_sent_is_taken_or_refused_with_a_sentence(kind):
    check(run(kind, seed=2026), 10)


@pytest.mark.long
@pytest.mark.parametrize("kind", IN_THIS_PROCESS)
def test_a_great_deal_of_it(kind):
    check(run(kind, cases=10**9, seed=1, seconds=60), 10)


@pytest.mark.long
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - IN_THIS_PROCESS))
def test_doors(kind):
    """In a process of its own: the network is replaced there."""
    import subprocess
    import sys

    words = [sys.executable, "-m", "benchmarks.fuzz", kind, "--seconds", "60", "--cases", "10000"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fault_is_found():
    def refused():
        raise UserError("x", "A sentence.")

    cases = [("good", lambda: 1), ("refused", refused), ("fault", lambda: 1 / 0)]
    tally = attack("none", iter(cases))
    assert (tally.taken, tally.refused, tally.num_faults) == (1, 1, 1)
    assert "ZeroDivisionError" in next(iter(tally.faults))
