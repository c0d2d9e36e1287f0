"""Kill -9 of commands at random moments: what is on disk is whole, and given again they finish.

    python benchmarks/kill9_commands.py             # 20 kills of each
    python benchmarks/kill9_commands.py --kills 3 --only saving

Sampling: 300 pictures in batches. Many: a folder of 12 noisy pictures. Saving: one picture that
comes late. Each command is left alone once, then killed at moments drawn evenly over the last 70 %
of the time that it took, and given again in the same folder, now and then to its end. After each
kill every picture there must have the pixels of the one that was written without a kill, and after
an end nothing else may be there. Prints a table; exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "DDPM_DEMO_PRECISION": "float32"}
WHOLE = (".png", ".jpg")


def noisy(path, size):
    rng = np.random.default_rng(0)
    pixels = (
        128
        + 40 * np.sin(np.arange(size[0]) / 9)[None, :, None]
        + rng.normal(0, 20, (*size[::-1], 3))
    )
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


def sampling(inputs):
    words = ["generate", "--checkpoint", "fashion-32", "--num-images", "300", "--num-steps", "1"]
    return [*words, "--sampler", "ddim"]


def many(inputs):
    for number in range(12):
        noisy(inputs / f"photo-{number}.png", (64, 48))
    return ["denoise", str(inputs), "--checkpoint", "faces-64", "--sigma-255", "20"]


def saving(inputs):
    noisy(inputs / "large.png", (640, 480))
    return ["denoise", str(inputs / "large.png"), "--amount", "0", "--sigma-255", "20"]


CASES = {"sampling": sampling, "many": many, "saving": saving}


def start(words, out):
    return subprocess.Popen(
        [sys.executable, "-m", "ddpm_demo", *words, "--out", str(out)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def pictures(folder):
    """The pixels of all pictures of a folder, by their names; a broken one raises."""
    found = {}
    for path in folder.rglob("*"):
        if path.suffix in WHOLE and not path.name.startswith("."):
            with Image.open(path) as image:
                found[path.name] = np.asarray(image).tobytes()
    return found


def series(words, kills, chance, work):
    """(kills that found the command working, most pictures on disk, faults)."""
    begun = time.monotonic()
    assert start(words, work / "whole").wait() == 0
    took, wanted = time.monotonic() - begun, pictures(work / "whole")
    assert wanted
    hit, most, faults = 0, 0, []
    for number in range(4 * kills):
        if hit == kills:
            break
        out = work / "out"
        process = start(words, out)
        try:
            process.wait(chance.uniform(0.3, 1.0) * took)
            shutil.rmtree(out, ignore_errors=True)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            hit += 1
        if not out.exists():
            continue
        try:
            there = pictures(out)
        except Exception as error:  # noqa: BLE001  whatever a half-written picture raises
            faults.append(f"kill {number}: {error}")
            continue
        most = max(most, len(there) if len(there) < len(wanted) else most)
        faults += [f"kill {number}: {name}" for name in there if there[name] != wanted.get(name)]
        if there == wanted or number % 4 == 3:  # go on where it was ended, but now and then afresh
            if start(words, out).wait() != 0 or pictures(out) != wanted:
                faults.append(f"kill {number}: not finished when given again")
            if rest := [path.name for path in out.rglob(".*") if path.name.endswith(".part")]:
                faults.append(f"kill {number}: left over after the end: {rest}")
            shutil.rmtree(out)
    return hit, most, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--only", choices=list(CASES))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance, bad = random.Random(args.seed), 0
    print("| command | kills while it worked | most pictures there, unfinished | faults |")
    print("|---|---|---|---|")
    for name, prepare in CASES.items():
        if args.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            (work / "inputs").mkdir()
            hit, most, faults = series(prepare(work / "inputs"), args.kills, chance, work)
        bad += len(faults)
        print(f"| {name} | {hit} of {args.kills} | {most} | {json.dumps(faults)} |", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
