"""What is imported before the first picture, in CPU seconds of processes of their own.

    python benchmarks/startup.py [--rounds 3]

Rows: torch; our network and sampler with it; the same through diffusers as a whole, as it was
before `core/diffusers_parts.py`; gradio and the page. CPU time, so that other work counts for
little; the least of the rounds, which take turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

OURS = """
from ddpm_demo.checkpoints.library import load
load("fashion-32")
from ddpm_demo.samplers.sample import sample
from ddpm_demo.core.diffusers_parts import SCHEDULERS, import_part
import_part(f"{SCHEDULERS}.scheduling_dpmsolver_multistep")
"""
ROWS = {
    "torch": "import torch",
    "torch, network, weights, sampler": OURS,
    "the same, all of diffusers' imports": "import diffusers.models.unets.unet_2d\n" + OURS,
    "gradio and the page": "import ddpm_demo.ui.app",
}


def cpu_seconds(code: str) -> float:
    """User and system time of a fresh interpreter that runs `code`."""
    measured = "\nimport os\nt = os.times()\nprint(t.user + t.system)"
    done = subprocess.run(
        [sys.executable, "-c", code + measured], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    best = dict.fromkeys(ROWS, float("inf"))
    for _ in range(arguments.rounds):
        for name, code in ROWS.items():
            best[name] = min(best[name], cpu_seconds(code))
    print("| imported | CPU seconds |\n|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
