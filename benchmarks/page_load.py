"""What a browser computes until the page can be used, and for a click, with and without
ddpm_demo/ui/frontend.py.

    python app.py --no-browser --port 7860 &
    python benchmarks/page_load.py http://127.0.0.1:7860/ [--rounds 5]

The two alternate in one run: as the app sends the script, and as Gradio has it on the disk.
Seconds are those that the page's main thread computed, which other programs disturb little, and
those that passed: until "Run" can be pressed and nothing is computed any more, and for a language
switch until the new words stand there. Printed: medians.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import gradio
from playwright.sync_api import Browser, Page, Route, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
NAMES = ("open, computed", "open, passed", "language, computed", "language, passed")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("url")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    program = os.environ.get("DDPM_DEMO_BROWSER") or shutil.which("chromium")
    found: dict[str, list[list[float]]] = {"Gradio's own": [], "as it is sent": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        for _ in range(args.rounds):
            for name, rows in found.items():
                rows.append(measure(browser, args.url, name == "Gradio's own"))
        browser.close()
    print("| script | " + " | ".join(f"{name}, s" for name in NAMES) + " |\n|" + "---|" * 5)
    for name, rows in found.items():
        cells = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


def measure(browser: Browser, url: str, is_original: bool) -> list[float]:
    """The four numbers of one page."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(180_000)
    page = context.new_page()
    if is_original:
        page.route(re.compile(r"/assets/core-[\w-]+\.js$"), original)
    session = context.new_cdp_session(page)
    session.send("Performance.enable")

    def computed() -> float:
        told = session.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in told if one["name"] == "ThreadTime")

    started = time.perf_counter()
    page.goto(url)
    page.get_by_role("button", name="Run", exact=True).wait_for()
    rest(page)
    numbers = [computed(), time.perf_counter() - started]
    before, started = computed(), time.perf_counter()
    page.get_by_text("中文", exact=True).click()
    page.get_by_role("button", name="运行", exact=True).wait_for()
    rest(page)
    numbers += [computed() - before, time.perf_counter() - started]
    context.close()
    return numbers


def original(route: Route) -> None:
    """Gradio's own file."""
    path = ASSETS / route.request.url.rpartition("/")[2]
    route.fulfill(body=path.read_bytes(), content_type="text/javascript")


def rest(page: Page) -> Any:  # noqa: ANN401
    """Wait until the main thread has nothing to do for a moment."""
    return page.evaluate("new Promise((done) => requestIdleCallback(() => setTimeout(done, 50)))")


if __name__ == "__main__":
    main()
