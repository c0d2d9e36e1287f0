"""The page as somebody with a stopwatch sees it, and what the app's memory does over many runs.

    python benchmarks/page_times.py                 # starts the app itself
    python benchmarks/page_times.py --runs 60       # then 60 runs over all tabs

First: from the command to an answer under the page's address, and to "Run" in a browser. Then, on
each tab, one click on its first example (Run on a tab without): until the stage or the line below
says that it works, until a picture of the run stands there, and until the result does, the first
time and again. With --runs the same clicks go round the tabs, and the program's resident memory is
printed after each round, then its idle memory a while later.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright
from started_app import start

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TABS = ("generate", "denoise", "inpaint", "upscale", "colourise", "deblur", "interpolate")
IDLE_S = 20
# Milliseconds since the click until each of the three was seen.
WATCH = """() => {
  window.seen = {};
  const root = [...document.querySelectorAll(".stage-root")].find((one) => one.offsetParent);
  const stage = [...window.ddpmStage.stages.values()].find((one) => one.root === root);
  document.addEventListener("click", () => (window.clicked ??= performance.now()), true);
  window.clicked = undefined;
  const look = () => {
    const at = performance.now() - window.clicked, { state } = stage;
    if (state.phase === "run") window.seen.sign ??= at;
    if (state.phase === "run" && state.x0_hat) window.seen.picture ??= at;
    if (window.seen.sign && state.phase === "result") window.seen.result ??= at;
    if (!window.seen.result) requestAnimationFrame(look);
  };
  look();
}"""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=0)
    args = parser.parse_args()
    program = os.environ.get("DDPM_DEMO_BROWSER") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        started = time.perf_counter()
        process, url = start(folder)
        try:
            answers = time.perf_counter() - started
            browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
            page.set_default_timeout(300_000)
            page.goto(url)
            page.get_by_role("button", name="Run", exact=True).wait_for()
            usable = time.perf_counter() - started
            print(f"Command to an answer {answers:.1f} s, to Run in a browser {usable:.1f} s.\n")
            memory = psutil.Process(process.pid)
            print(f"Idle: {megabytes(memory)} MB\n")
            by_tab(page)
            if args.runs:
                rounds(page, memory, args.runs)
            browser.close()
        finally:
            process.terminate()
            process.wait(timeout=30)


def by_tab(page: Page) -> None:
    """A row a tab: the first click, and the same again."""
    print(
        "| tab | first sign, s | first picture, s | result, s | again: sign | picture | result |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in TABS:
        cells = []
        for _ in range(2):
            seen = click(page, name)
            for what in ("sign", "picture", "result"):
                cells.append(f"{seen[what] / 1000:.2f}" if what in seen else "")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def rounds(page: Page, memory: psutil.Process, runs: int) -> None:
    """The tabs one after the other, again and again; memory after each round."""
    print("\n| runs | resident, MB |\n|---|---|")
    for run in range(runs):
        click(page, TABS[run % len(TABS)])
        if (run + 1) % len(TABS) == 0 or run + 1 == runs:
            print(f"| {run + 1} | {megabytes(memory)} |", flush=True)
    time.sleep(IDLE_S)
    print(f"| {IDLE_S} s later | {megabytes(memory)} |")


def click(page: Page, name: str) -> dict[str, Any]:
    """What was seen after a click on the tab's first example, in milliseconds."""
    page.evaluate("(name) => (location.hash = name)", name)
    panel = page.locator("[role=tabpanel]:visible")
    run = panel.get_by_role("button", name="Run", exact=True)
    page.wait_for_function(
        "(at) => document.querySelectorAll('.tabs > .tab-wrapper [role=tab]')[at]"
        ".getAttribute('aria-selected') === 'true'",
        arg=page.evaluate("window.ddpmTabs").index(name),
    )
    run.wait_for()
    page.wait_for_timeout(1000)
    page.evaluate(WATCH)
    examples = panel.locator(".presets button:visible")
    (examples.first if examples.count() else run).click()
    page.wait_for_function("window.seen.result", timeout=300_000)
    page.wait_for_timeout(500)
    return page.evaluate("window.seen")


def megabytes(process: psutil.Process) -> int:
    """Resident memory."""
    return round(process.memory_info().rss / 1e6)


if __name__ == "__main__":
    main()
