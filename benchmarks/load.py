"""Many visitors at once: nobody gets another's picture, everybody is answered, memory stays.

    python benchmarks/load.py --visitors 32 --minutes 3
    python benchmarks/load.py --url http://127.0.0.1:7860/ --visitors 32 --minutes 10

Starts the app (or takes one that runs), lets each visitor call endpoints through HTTP with seeds
whose pictures are known beforehand, leave in the middle, or cancel, and looks at the app's memory,
threads and open files meanwhile. Exit code 1 where a picture was not the one asked for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
SEEDS = range(4)
STEPS = 4
PATIENCE_S = 900


class Visitors:
    """What they share."""

    def __init__(self, url, until, process):
        self.url, self.until, self.process = url, until, process
        self.lock, self.count = threading.Lock(), Counter()
        self.known, self.waits, self.samples, self.freed = {}, [], [], []

    def say(self, what):
        with self.lock:
            self.count[what] += 1

    def generate(self, client, seed, leave=None):
        """The hash of the picture of a seed; None when the visitor left or was refused."""
        session, started = uuid.uuid4().hex, time.monotonic()
        values = {"checkpoint": "faces-64", "seed": seed, "num_images": 1, "num_steps": STEPS}
        data = [values.get(name, default) for name, default in self.parameters]
        body = {"fn_index": self.index, "data": data, "session_hash": session}
        joined = client.post("gradio_api/queue/join", json=body)
        if joined.status_code == 503:
            self.say(
                "queue full, told so" if joined.json().get("detail") else "queue full, silent"
            )
            return None
        joined.raise_for_status()
        where = f"gradio_api/queue/data?session_hash={session}"
        with client.stream("GET", where) as stream:
            for line in stream.iter_lines():
                event = json.loads(line[5:]) if line.startswith("data:") else {}
                message = event.get("msg")
                if message == "estimation":
                    self.say("told their place")
                if leave is not None and message == "process_starts":
                    if leave == "cancel":
                        event_id = joined.json()["event_id"]
                        told = {**body, "event_id": event_id}
                        client.post("gradio_api/cancel", json=told)
                    self.say(f"left by {leave}")
                    return None
                if message == "process_completed":
                    with self.lock:
                        self.waits.append(time.monotonic() - started)
                    if not event["success"]:
                        self.say(f"refused: {event['output'].get('error')}")
                        return None
                    (picture,) = event["output"]["data"][0]
                    content = client.get(picture["image"]["url"]).content
                    return hashlib.sha256(content).hexdigest()
        self.say("stream ended without an answer")
        return None

    def visit(self, number):
        chance = random.Random(number)
        while time.monotonic() < self.until:
            seed = chance.choice(SEEDS)
            leave = chance.choice([None] * 6 + ["drop", "cancel"])
            try:
                with httpx.Client(base_url=self.url, timeout=PATIENCE_S) as client:
                    found = self.generate(client, seed, leave)
                    if chance.random() < 0.2:
                        self.say("page" if client.get("").status_code == 200 else "no page")
            except httpx.HTTPError as error:
                self.say(f"no answer: {type(error).__name__}")
                continue
            if found is not None:
                right = found == self.known[seed]
                self.say("right picture" if right else "WRONG PICTURE")
            time.sleep(chance.random())

    def watch(self):
        while time.monotonic() < self.until:
            self.sample()
            time.sleep(5)

    def sample(self):
        if self.process is None:
            return
        one = self.process
        self.samples.append(
            (
                time.monotonic(),
                one.memory_info().rss >> 20,
                one.num_threads(),
                len(one.open_files()),
            )
        )


def find_endpoint(url):
    """(index of /generate, (name, default) of each of its parameters)."""
    config = httpx.get(f"{url}config", timeout=60).json()
    index = next(d["id"] for d in config["dependencies"] if d.get("api_name") == "generate")
    info = httpx.get(f"{url}gradio_api/info", timeout=60).json()
    told = info["named_endpoints"]["/generate"]["parameters"]
    return index, [(one["parameter_name"], one["parameter_default"]) for one in told]


def start():
    """(process, address) of an app of its own on a free port."""
    words = [sys.executable, "app.py", "--no-browser"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process, found[0].rstrip("/") + "/"
    sys.exit("The app did not start.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", help="of an app that runs; default: one is started")
    parser.add_argument("--visitors", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--out", type=Path, help="JSON file for the samples of memory")
    args = parser.parse_args()
    own, url = (None, args.url) if args.url else start()
    visitors = Visitors(url, 0.0, psutil.Process(own.pid) if own else None)
    try:
        visitors.index, visitors.parameters = find_endpoint(url)
        with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
            visitors.known = {seed: visitors.generate(client, seed) for seed in SEEDS}
        assert len(set(visitors.known.values())) == len(SEEDS)
        visitors.waits.clear()
        visitors.count.clear()
        begun = time.monotonic()
        visitors.until = begun + 60 * args.minutes
        threads = [
            threading.Thread(target=visitors.visit, args=(number,))
            for number in range(args.visitors)
        ]
        for thread in [*threads, threading.Thread(target=visitors.watch)]:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - begun
        time.sleep(5)
        visitors.sample()
    finally:
        if own:
            own.terminate()
            own.wait()
    waits = sorted(visitors.waits) or [0.0]
    print(f"{args.visitors} visitors, {took:.0f} s, load {os.getloadavg()[0]:.1f}")
    for what, count in visitors.count.most_common():
        print(f"{count:6d} {what}")
    print(f"waited: median {waits[len(waits) // 2]:.1f} s, longest {waits[-1]:.1f} s")
    if visitors.samples:
        minute = [one for one in visitors.samples if one[0] <= begun + 60][-1]
        last = visitors.samples[-1]
        for name, place in (("MB", 1), ("threads", 2), ("open files", 3)):
            most = max(one[place] for one in visitors.samples)
            print(
                f"{name}: {minute[place]} after a minute, {most} at most, {last[place]} at the end"
            )
    if args.out:
        args.out.write_text(json.dumps([[s[0] - begun, *s[1:]] for s in visitors.samples]))
    return int(bool(visitors.count["WRONG PICTURE"]))


if __name__ == "__main__":
    sys.exit(main())
