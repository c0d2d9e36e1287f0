"""Many visitors at once: nobody gets another's picture, everybody is answered, memory stays.

    python benchmarks/load.py --visitors 32 --minutes 3
    python benchmarks/load.py --url http://127.0.0.1:7860/ --visitors 32 --minutes 10
    python benchmarks/load.py --minutes 10 --plot docs/load.png

Starts the app (or takes one that runs). Each visitor opens the page or calls an endpoint, any of
them, through HTTP with files of its own and a seed whose pictures are known beforehand; now and
then one asks for a long run and closes the connection, or cancels, while it works. Told at the
end: how many pictures were right, how long it took until the next visitor's run began after one
had left, and the app's memory, threads, open files and temporary files meanwhile. Exit code 1
where a picture was not the one asked for.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image
from started_app import start

SEEDS = range(3)
PATIENCE_S = 900
RESTORED = ("denoise", "inpaint", "upscale", "colourise", "deblur")
# What leaves is long, so that the slot is freed by its leaving and not by its end.
LONG = {"checkpoint": "faces-64", "num_images": 16, "num_steps": 500, "sampler": "ddim"}
MEASURES = ("MB resident", "threads", "open files", "temporary files")


class Visitors:
    """What they share."""

    def __init__(self, url, process, folder):
        self.url, self.process, self.folder, self.until = url, process, folder, 0.0
        self.lock, self.count = threading.Lock(), Counter()
        self.known, self.waits, self.samples, self.begun, self.left = {}, [], [], [], []
        self.parameters, self.index = endpoints(url)

    def say(self, what):
        with self.lock:
            self.count[what] += 1

    def ask(self, client, name, values, leave=None):
        """The hash of what an endpoint answers; None when the visitor left or was refused."""
        session, started = uuid.uuid4().hex, time.monotonic()
        data = [values.get(one, default) for one, default in self.parameters[name]]
        body = {"fn_index": self.index[name], "data": data, "session_hash": session}
        joined = client.post("gradio_api/queue/join", json=body)
        if joined.status_code == 503:
            told = bool(joined.json().get("detail"))
            self.say("queue full, told so" if told else "queue full, SILENT")
            return None
        joined.raise_for_status()
        where = f"gradio_api/queue/data?session_hash={session}"
        placed = False
        with client.stream("GET", where) as stream:
            for line in stream.iter_lines():
                event = json.loads(line[5:]) if line.startswith("data:") else {}
                message = event.get("msg")
                if message == "estimation" and not placed:
                    placed = event.get("rank") is not None
                    self.say("told their place" if placed else "told NO place")
                if message == "process_starts":
                    with self.lock:
                        self.begun.append(time.monotonic())
                if leave is not None and message == "process_generating":
                    with self.lock:
                        self.left.append((time.monotonic(), leave))
                    if leave == "cancel":
                        told = {**body, "event_id": joined.json()["event_id"]}
                        client.post("gradio_api/cancel", json=told)
                    self.say(f"left by {leave}")
                    return None
                if message == "process_completed":
                    with self.lock:
                        self.waits.append(time.monotonic() - started)
                    if not event["success"]:
                        self.say(f"REFUSED: {name}: {event['output'].get('error')}")
                        return None
                    if not event["output"]["data"][0]:
                        self.say(f"EMPTY: {name}: {event['output']['data'][1:]}"[:600])
                        return None
                    return self.hash_of(client, event["output"]["data"][0])
        self.say("stream ended WITHOUT AN ANSWER")
        return None

    def hash_of(self, client, files):
        found = hashlib.sha256()
        for one in files:
            picture = one.get("image") or one
            if not picture["url"].endswith(".zip"):  # whose members bear the time
                found.update(client.get(picture["url"]).content)
        return found.hexdigest()

    def values(self, client, name, seed):
        """Of a call with files of the visitor's own."""
        base = {"checkpoint": "faces-64", "seed": seed, "num_steps": 2}
        if name == "generate":
            return {**base, "num_images": 2, "num_steps": 4}
        if name == "interpolate":
            first, second = (self.upload(client, picture(seed + one)) for one in (0, 1))
            return {**base, "image_a": first, "image_b": second, "num_images": 3}
        sent = self.upload(client, picture(seed))
        if name == "restore_many":
            fields = {"checkpoint": "faces-64", "seed": seed, "num_steps": 2, "sigma_255": 30}
            return {"task": "denoise", "images": [sent], "fields": fields}
        more = {}
        if name == "inpaint":
            hole = np.zeros((64, 64), np.uint8)
            hole[20:40, 20:40] = 255
            more = {"mask": self.upload(client, hole)}
        if name == "upscale":
            more = {"factor": 2}
        return {**base, "image": sent, **more}

    def upload(self, client, pixels):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        sent = client.post("gradio_api/upload", files={"files": ("a.png", buffer.getvalue())})
        sent.raise_for_status()
        return {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}

    def visit(self, number):
        chance = random.Random(number)
        names = sorted({name for name, _ in self.known})
        while time.monotonic() < self.until:
            name, seed = chance.choice(names), chance.choice(SEEDS)
            leave = chance.choice([None] * 8 + ["drop", "cancel"])
            try:
                with httpx.Client(base_url=self.url, timeout=PATIENCE_S) as client:
                    if chance.random() < 0.2:
                        self.say("page" if client.get("").status_code == 200 else "NO PAGE")
                    if leave is not None:
                        self.ask(client, "generate", {**LONG, "seed": seed}, leave)
                        continue
                    found = self.ask(client, name, self.values(client, name, seed))
            except httpx.HTTPError as error:
                self.say(f"NO ANSWER: {type(error).__name__}")
                continue
            if found is not None:
                right = found == self.known[name, seed]
                self.say(f"right: {name}" if right else f"WRONG: {name}")
            time.sleep(chance.random())

    def watch(self):
        while time.monotonic() < self.until:
            self.sample()
            time.sleep(5)

    def sample(self):
        if self.process is not None:
            files = sum(len(names) for _, _, names in os.walk(self.folder))
            one = self.process
            memory = one.memory_info().rss / 1e6
            state = (memory, one.num_threads(), len(one.open_files()), files)
            self.samples.append((time.monotonic(), *state))

    def freed(self):
        """Seconds from each leaving to the beginning of the next run, by how it was left."""
        found = []
        for at, how in self.left:
            if later := [one for one in self.begun if one > at]:
                found.append((min(later) - at, how))
        return found


def picture(seed):
    """64 x 64 smooth pixels with noise, a picture of its own for each seed."""
    rng = np.random.default_rng(seed)
    x, y = np.mgrid[:64, :64] / 64
    smooth = 128 + 60 * np.sin(3 * x[..., None] + 5 * y[..., None] * rng.random(3) + seed)
    return (smooth + rng.normal(0, 20, smooth.shape)).clip(0, 255).astype(np.uint8)


def endpoints(url):
    """((name, default) of the parameters, index) of each endpoint, by name."""
    config = httpx.get(f"{url}config", timeout=60).json()
    index = {d["api_name"]: d["id"] for d in config["dependencies"] if d.get("api_name")}
    told = httpx.get(f"{url}gradio_api/info", timeout=60).json()["named_endpoints"]
    parameters = {
        name[1:]: [(p["parameter_name"], p["parameter_default"]) for p in one["parameters"]]
        for name, one in told.items()
    }
    return parameters, index


def crowd(visitors, number, minutes):
    """Let them come; seconds until the last one was answered."""
    with httpx.Client(base_url=visitors.url, timeout=PATIENCE_S) as client:
        for name in ("generate", "interpolate", "diffuse", *RESTORED, "restore_many"):
            for seed in SEEDS:
                values = visitors.values(client, name, seed)
                visitors.known[name, seed] = visitors.ask(client, name, values)
    assert None not in visitors.known.values(), visitors.count
    assert len(set(visitors.known.values())) == len(visitors.known)
    for kept in (visitors.count, visitors.waits, visitors.begun):
        kept.clear()
    begun = time.monotonic()
    visitors.until = begun + 60 * minutes
    threads = [threading.Thread(target=visitors.visit, args=(one,)) for one in range(number)]
    watch = threading.Thread(target=visitors.watch)
    for thread in (*threads, watch):
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    time.sleep(10)
    visitors.sample()
    visitors.samples = [(one[0] - begun, *one[1:]) for one in visitors.samples]
    return took


def plot(samples, path):
    """The measures over time, each in a panel of its own."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 5), sharex=True)
    for place, (axis, name) in enumerate(zip(axes.flat, MEASURES, strict=True), 1):
        axis.plot([one[0] / 60 for one in samples], [one[place] for one in samples])
        axis.set_title(name, fontsize=10)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    for axis in axes[1]:
        axis.set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def tell(visitors, number, took):
    """Print what came of it."""
    waits = sorted(visitors.waits) or [0.0]
    print(f"{number} visitors, {took:.0f} s, load {os.getloadavg()[0]:.1f}")
    for what, count in sorted(visitors.count.items()):
        print(f"{count:6d} {what}")
    print(f"waited: median {waits[len(waits) // 2]:.1f} s, longest {waits[-1]:.1f} s")
    for how in ("drop", "cancel"):
        if times := sorted(seconds for seconds, one in visitors.freed() if one == how):
            print(
                f"next run after a {how}: median {times[len(times) // 2]:.2f} s, "
                f"longest {times[-1]:.2f} s of {len(times)}"
            )
    if visitors.samples:
        minute = [one for one in visitors.samples if one[0] <= 60][-1]
        for place, name in enumerate(MEASURES, 1):
            most = max(one[place] for one in visitors.samples)
            last = visitors.samples[-1][place]
            print(
                f"{name}: {minute[place]:.0f} after a minute, {most:.0f} at most, {last:.0f} end"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", help="of an app that runs; default: one is started")
    parser.add_argument("--visitors", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--plot", type=Path, help="a picture of memory over time")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        own, url = (None, args.url) if args.url else start(folder)
        visitors = Visitors(url, psutil.Process(own.pid) if own else None, folder)
        try:
            took = crowd(visitors, args.visitors, args.minutes)
        finally:
            if own:
                own.terminate()
                own.wait()
    tell(visitors, args.visitors, took)
    if args.plot:
        plot(visitors.samples, args.plot)
    return int(any("WRONG" in what for what in visitors.count))


if __name__ == "__main__":
    sys.exit(main())
