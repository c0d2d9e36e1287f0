"""How long after the click on Run the first picture is seen, in a real Chromium.

    python benchmarks/preview.py [--clicks 5] [--training]

Starts the app, opens its page and clicks Run for 16 images of each bundled checkpoint. A clock
inside the page runs from the click to the moment the live view's pictures have been drawn. The
first click after the app's start is listed by itself: it also waits for torch and the weights.
With --training the clicks are done again while a fine-tuning run of faces-64, started as the
Fine-tune tab starts it, trains beside the app. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINTS = {"faces-64": "64 × 64 colour", "fashion-32": "32 × 32 grey", "photos": "any size"}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 120_000
CLOCK = """() => new Promise((resolve) => {
  const seen = new Set([...document.querySelectorAll(".stage img")].map((image) => image.src));
  const start = performance.now();
  const look = async () => {
    const images = [...document.querySelectorAll(".stage img")];
    if (images.length && images.some((image) => !seen.has(image.src))) {
      await Promise.all(images.map((image) => image.decode().catch(() => {})));
      requestAnimationFrame(() => resolve((performance.now() - start) / 1000));
    } else requestAnimationFrame(look);
  };
  [...document.querySelectorAll("button")].find((b) => b.innerText.trim() === "Run").click();
  look();
})"""


def serve(port: int) -> subprocess.Popen[bytes]:
    """The app in a process of its own, once it answers."""
    command = [sys.executable, "app.py", "--no-browser", "--port", str(port)]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    while app.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            return app
        except urllib.error.URLError:
            time.sleep(0.2)
    raise SystemExit("The app ended before it served a page.")


def click_run(page: Page, seed: int) -> float:
    """Seconds from the click to the first picture; returns when the run is done."""
    page.get_by_label("Seed", exact=True).fill(str(seed))
    seconds = page.evaluate(CLOCK)
    expect(page.locator(".status-line")).to_contain_text(re.compile(f"Done in.*seed {seed}$"))
    return seconds


def choose(page: Page, words: str) -> None:
    """The checkpoint whose line in the picker has these words."""
    picker = page.get_by_label("Checkpoint")
    if not re.search(words, picker.input_value()):
        picker.click()
        page.get_by_role("option", name=re.compile(words)).click()
        expect(picker).to_have_value(re.compile(words))


@contextmanager
def training() -> Iterator[None]:
    """A run of the tab's kind that has begun to take steps, and is gone afterwards."""
    sys.path.insert(0, str(ROOT))
    from ddpm_demo.jobs import Jobs

    with tempfile.TemporaryDirectory(prefix="ddpm-demo-") as folder:
        jobs = Jobs(Path(folder))
        draft = jobs.draft()
        pixels = np.random.default_rng(0).integers(0, 256, (200, 64, 64, 3), dtype=np.uint8)
        np.save(draft / "data.npy", pixels)
        settings = {
            "data": "data.npy",
            "from_checkpoint": "faces-64",
            "sizes_px": [64],
            "batch_size": 16,
            "max_steps": 10**6,
            "log_steps": 5,
            "sample_minutes": None,
            "validation_minutes": None,
            "num_threads": jobs.num_threads,
        }
        run = jobs.submit(draft, settings, "beside the app")
        jobs.tick()
        while jobs.progress(run).step < 10:
            if jobs.phase(run) not in ("queued", "starting", "training"):
                raise SystemExit(jobs.log(run))
            time.sleep(0.5)
        before, since = jobs.progress(run).step, time.monotonic()
        try:
            yield
            steps = jobs.progress(run).step - before
            print(f"\n{steps} steps of training in {time.monotonic() - since:.0f} s meanwhile")
        finally:
            jobs.discard(run)


def measure(page: Page, clicks: int) -> dict[str, float]:
    """Prints a row a checkpoint; the medians."""
    print("| checkpoint | first click | median | slowest of the rest |\n|---|---|---|---|")
    medians = {}
    for name, words in CHECKPOINTS.items():
        choose(page, words)
        first = click_run(page, 100)
        rest = [click_run(page, 101 + i) for i in range(clicks)]
        medians[name], worst = statistics.median(rest), max(rest)
        print(f"| {name} | {first:.2f} | {medians[name]:.2f} | {worst:.2f} |", flush=True)
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--training", action="store_true", help="again while training runs")
    arguments = parser.parse_args()
    clicks = arguments.clicks
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = serve(port)
    try:
        with sync_playwright() as playwright:
            program = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
            page = browser.new_context(locale="en-GB").new_page()
            page.set_default_timeout(WAIT_MS)
            expect.set_options(timeout=WAIT_MS)
            page.goto(f"http://127.0.0.1:{port}/")
            page.get_by_role("button", name="Run", exact=True).wait_for()
            print(f"the very first click: {click_run(page, 1):.2f} s\n", flush=True)
            idle = measure(page, clicks)
            if arguments.training:
                print("\nwhile a fine-tuning run trains:\n")
                with training():
                    busy = measure(page, clicks)
                times = (f"{name} {busy[name] / idle[name]:.2f}" for name in idle)
                print(f"medians, times the idle ones: {', '.join(times)}")
            browser.close()
    finally:
        app.terminate()
        app.wait(timeout=30)


if __name__ == "__main__":
    main()
