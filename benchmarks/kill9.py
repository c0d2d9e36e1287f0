"""Kill -9 of the trainer and of the app at random moments: the run goes on, and its loss
curve is that of a run that was left alone.

    python benchmarks/kill9.py                     # the trainer 10 times, the app 5 times
    python benchmarks/kill9.py --trainer 2 --app 1

The trainer is killed with its launcher, some of the times when a checkpoint is half written; the
app is a process that looks after the queue as the page's does, and is started again each time.
Prints a table and ends with exit code 1 where a curve differs.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

TINY = {
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "add_attention": False,
}
SECONDS = 600  # for anything to happen
ENDLESS = 10**6  # steps: a run is stopped when it has gone far enough, on machines of any speed
APP = """
import sys, time
from pathlib import Path
from ddpm_demo.jobs import Jobs
jobs = Jobs(Path(sys.argv[1]), num_threads=1)
print("looking after", flush=True)
while True:
    jobs.tick()
    time.sleep(0.05)
"""


def submit(jobs, title):
    """A run on noise that writes a checkpoint at every other step: many kills fall into one."""
    draft = jobs.draft()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), dtype=np.uint8)
    np.save(draft / "data.npy", pixels)
    settings = {
        "data": "data.npy",
        "unet": TINY,
        "sizes_px": [16],
        "batch_size": 4,
        "max_steps": ENDLESS,
        "log_steps": 1,
        "checkpoint_steps": 2,
        "sample_minutes": None,
        "validation_minutes": None,
        "num_threads": 1,
        "seed": 3,
    }
    return jobs.submit(draft, settings, title)


def wait(condition, what):
    until = time.monotonic() + SECONDS
    while not (found := condition()):
        if time.monotonic() > until:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.002)
    return found


def trainers(jobs):
    from ddpm_demo.jobs import process

    found = jobs._trainer()
    return process.members(found["pid"], found["started"]) if found else []


def half_written(jobs, name):
    """A checkpoint is being written right now."""
    return any((jobs.folder / name).glob(".checkpoint-*.partial/*"))


def start_app(folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    app = subprocess.Popen(
        [sys.executable, "-c", APP, str(folder)], stdout=subprocess.PIPE, env=environment
    )
    app.stdout.readline()
    return app


def kill_trainer(jobs, name, moment, in_checkpoint):
    """Returns the step it was killed at and whether a checkpoint was left half written."""
    before = jobs.progress(name).step
    wait(lambda: jobs.progress(name).step > before and trainers(jobs), "a step")
    time.sleep(moment)
    if in_checkpoint:
        wait(lambda: half_written(jobs, name) or jobs.running() != name, "a checkpoint")
    for process in trainers(jobs):
        process.kill()
    wait(lambda: jobs.running() != name, "the trainer's end")
    return jobs.progress(name).step, half_written(jobs, name)


def finish(jobs, name):
    jobs.stop(name)
    wait(lambda: jobs.phase(name) == "finished", "a run to stop")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trainer", type=int, default=10, metavar="N", help="default: 10")
    parser.add_argument("--app", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    from ddpm_demo.jobs import Jobs
    from ddpm_demo.training.events import loss_curve, read_events

    chance = random.Random(arguments.seed)
    kills = ["trainer"] * arguments.trainer + ["app"] * arguments.app
    chance.shuffle(kills)
    with tempfile.TemporaryDirectory() as folder:
        jobs = Jobs(Path(folder), num_threads=1)
        app = start_app(folder)
        broken = submit(jobs, "broken")
        print("| killed | at step | checkpoint half written | then |\n| --- | --- | --- | --- |")
        for number, victim in enumerate(kills):
            moment = chance.uniform(0, 0.5)
            if victim == "trainer":
                step, half = kill_trainer(jobs, broken, moment, number % 2 == 0)
                then = jobs.phase(broken)
                if then == "killed":
                    jobs.resume(broken)
            else:
                before = jobs.progress(broken).step
                wait(lambda now=before: jobs.progress(broken).step > now, "a step")
                time.sleep(moment)
                step, half = jobs.progress(broken).step, half_written(jobs, broken)
                app.send_signal(signal.SIGKILL)
                app.wait()
                then = f"{jobs.phase(broken)} on"
                app = start_app(folder)
            print(f"| {victim} | {step} | {'yes' if half else 'no'} | {then} |", flush=True)
        last = jobs.progress(broken).step
        wait(lambda: jobs.progress(broken).step > last, "the run to go on once more")
        finish(jobs, broken)
        app.kill()
        app.wait()
        num_steps = jobs.progress(broken).step
        whole = submit(jobs, "whole")
        wait(lambda: jobs.progress(whole).step >= num_steps, "the uninterrupted run")
        finish(jobs, whole)
        curves = [loss_curve(Path(folder) / name) for name in (whole, broken)]
        starts = sum(e["kind"] == "start" for e in read_events(Path(folder) / broken))
    steps = range(1, num_steps + 1)
    same = sorted(curves[1]) == list(steps) and all(
        c == curves[0][s] for s, c in curves[1].items()
    )
    report = {"steps": num_steps, "kills": len(kills), "starts": starts, "same_curve": same}
    print(json.dumps(report))
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
