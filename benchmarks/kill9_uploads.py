"""Kill -9 of the app while visitors upload: nothing half written is taken for an upload later.

    python benchmarks/kill9_uploads.py             # 20 kills
    python benchmarks/kill9_uploads.py --kills 3

Three visitors send pictures of 8 MB again and again; the app is killed at a random moment and
started again in the same temporary folder. Then the folder of the killed app must be gone, with
all that it had taken in, and a picture sent to the new one must come back to the last bit. Prints
a line a kill; exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
from started_app import start

CONTENT = np.random.default_rng(0).integers(0, 256, 8 << 20, np.uint8).tobytes()


def upload(url):
    """The path of an upload on the server."""
    sent = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.bin", CONTENT)}, timeout=60)
    sent.raise_for_status()
    return Path(sent.json()[0])


def keep_uploading(url, stop, count):
    while not stop.is_set():
        try:
            upload(url)
            count.append(1)
        except httpx.HTTPError:
            return


def apps(folder):
    return {path.name for path in Path(folder).glob("ddpm_demo-app-*")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance, bad = random.Random(args.seed), 0
    print("| kill | uploads before | files left by the killed app | after the next start |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(folder)
        for number in range(args.kills):
            stop, count = threading.Event(), []
            threads = [
                threading.Thread(target=keep_uploading, args=(url, stop, count)) for _ in range(3)
            ]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0.02, 1.0))
            process.kill()
            process.wait()
            stop.set()
            for thread in threads:
                thread.join()
            dead = apps(folder)
            left = sum(path.is_file() for path in Path(folder).rglob("*"))
            process, url = start(folder)
            faults = [f"{name} is still there" for name in dead & apps(folder)]
            if upload(url).read_bytes() != CONTENT:
                faults.append("another content")
            bad += len(faults)
            print(f"| {number} | {len(count)} | {left} | {faults or 'gone'} |", flush=True)
        process.terminate()
        process.wait()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
