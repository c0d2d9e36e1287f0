"""The playground's network against the exact answer: the table of docs/process.md.

    python benchmarks/playground.py [--seconds 5,20,60] [--data moons,spiral]

Runs the page's own scripts on the Node that playwright brings. Seconds are of processor time, so
that a busy machine gives the figures of a quiet one; the page trains by the clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ddpm_demo.process.playground import POINT_SETS, STD, point_set
from ddpm_demo.ui.tabs.process.web import CORE, source

NODE = Path(playwright.__file__).parent / "driver" / "node"
KINDS = ("epsilon", "sample", "v_prediction")
BODY = """
const story = globalThis.ddpmStory, points = Float64Array.from(given.points), std = given.std;
const plan = { betas: story.makeBetas("cosine"), points, std, kind: given.kind };
const trainer = new story.Trainer(plan), exact = story.mixture(trainer.schedule, points, std);
const off = () => story.errorAgainstExact(trainer.schedule, points, std, exact,
  story.learned(trainer.schedule, trainer.averaged, given.kind));
const found = [];
let spent = 0;
for (const until of given.seconds) {
  while (spent < until) {
    const from = process.cpuUsage();
    for (let k = 0; k < 10; k++) trainer.update();
    const used = process.cpuUsage(from);
    spent += (used.user + used.system) / 1e6;
  }
  found.push([trainer.step, off()]);
}
process.stdout.write(JSON.stringify(found));
"""


def measure(name: str, kind: str, seconds: list[float]) -> list[tuple[int, float]]:
    """(updates, error) after each of `seconds`."""
    given = {"points": point_set(name).flatten().tolist(), "std": STD}
    given |= {"kind": kind, "seconds": seconds}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.js"
        head = f"{source(*CORE)}\nconst given = {json.dumps(given)};\n"
        script.write_text(head + BODY, encoding="utf-8")
        done = subprocess.run([str(NODE), str(script)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", default="5,20,60")
    parser.add_argument("--data", default="moons,spiral,blobs,letters")
    args = parser.parse_args()
    seconds = [float(part) for part in args.seconds.split(",")]
    names = [name for name in args.data.split(",") if name in POINT_SETS]
    heads = " | ".join(f"{s:g} s" for s in seconds)
    print(f"| data | asked for | {heads} |\n|---|---|{'---|' * len(seconds)}")
    for name in names:
        for kind in KINDS:
            cells = [f"{error:.3f} ({step})" for step, error in measure(name, kind, seconds)]
            print(f"| {name} | {kind} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
