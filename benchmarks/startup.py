"""What is imported before the first picture, in CPU seconds of processes of their own.

    python benchmarks/startup.py [--rounds 3]

Rows: torch; our network and sampler with it; the same through diffusers as a whole, as it was
before `core/diffusers_parts.py`; gradio and the page; a command. CPU time, so that other work
counts for little; the least of the rounds, which take turns. Python must have its bytecode: with
PYTHONDONTWRITEBYTECODE and nothing compiled before, compiling is most of what is measured.
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
# A command twice: the second time is its own work, without what it imports.
COMMAND = """
import contextlib, io, os, tempfile
from pathlib import Path
from PIL import Image
from ddpm_demo.cli import main
folder = Path(tempfile.mkdtemp())
Image.effect_noise((64, 64), 40).save(folder / "picture.png")
words = ["denoise", str(folder / "picture.png"), "--out", str(folder), "--json"]
words += ["--checkpoint", "faces-64", "--sigma-255", "20"]
with contextlib.redirect_stdout(io.StringIO()):
    assert main(words) == 0
"""
AGAIN = (
    COMMAND
    + """
before = os.times()
with contextlib.redirect_stdout(io.StringIO()):
    assert main(words) == 0
after = os.times()
print("own work", after.user + after.system - before.user - before.system)
"""
)
ROWS = {
    "torch": "import torch",
    "torch, network, weights, sampler": OURS,
    "the same, all of diffusers' imports": "import diffusers.models.unets.unet_2d\n" + OURS,
    "gradio and the page": "import ddpm_demo.ui.app",
    "`denoise` of a 64 x 64 picture": COMMAND,
}


def output_of(code: str) -> str:
    """What a fresh interpreter prints that runs `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def cpu_seconds(code: str) -> float:
    """User and system time of a fresh interpreter that runs `code`."""
    measured = "\nimport os\nt = os.times()\nprint(t.user + t.system)"
    return float(output_of(code + measured).split()[-1])


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
    own = min(float(output_of(AGAIN).split()[-1]) for _ in range(arguments.rounds))
    ratio = (best["`denoise` of a 64 x 64 picture"] - own) / best["torch"]
    print(
        f"\nThe command without its own work ({own:.2f} s) takes {ratio:.2f} times `import torch`."
    )


if __name__ == "__main__":
    main()
