"""What a page computes for each message of a run, with Gradio's own scripts and with ours.

    python app.py --no-browser --port 7860
    python benchmarks/page_messages.py http://127.0.0.1:7860/

A page in Chinese, whose components have all been told something once. Prints milliseconds of
script and of everything on the page's main thread for each step of a run that is seen; a Chromium
is needed, as for the tests.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from pathlib import Path

import gradio
from playwright.sync_api import Browser, Route, expect, sync_playwright

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
STEPS, ROUNDS = 40, 3
COUNT = """() => {
  window.heard = 0;
  const words = document.querySelector("#stage-generate .stage-progress-words");
  new MutationObserver(() => window.heard++).observe(words, {childList: true});
}"""


def main(url: str) -> None:
    """Alternate the two, and print the medians."""
    found: dict[str, list[tuple[float, float]]] = {"Gradio's own": [], "ours": []}
    program = os.environ.get("DDPM_DEMO_BROWSER") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        for _ in range(ROUNDS):
            for kind, values in found.items():
                values.append(measure(browser, url, kind == "ours"))
                print(
                    f"{kind}: script {values[-1][0]:.1f} ms, all {values[-1][1]:.1f} ms a message"
                )
        browser.close()
    for kind, values in found.items():
        script, whole = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{kind}, median of {ROUNDS}: script {script:.1f} ms, all {whole:.1f} ms a message")


def measure(browser: Browser, url: str, ours: bool) -> tuple[float, float]:
    """(script, everything) in milliseconds of the main thread a message that is seen."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    page = context.new_page()
    if not ours:

        def as_it_is(route: Route) -> None:
            route.fulfill(path=ASSETS / route.request.url.rpartition("/")[2])

        page.route("**/assets/*.js", as_it_is)
    page.goto(url)
    run = page.get_by_role("button", name="运行", exact=True).first
    expect(run).to_be_visible(timeout=60_000)
    page.wait_for_timeout(4000)
    for label, value in (("图片数", 1), ("步数", STEPS)):
        page.get_by_label(label, exact=True).first.fill(str(value))
    page.evaluate(COUNT)
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    before = durations(session)
    run.click()
    expect(page.locator(".status-line").first).to_contain_text("完成", timeout=300_000)
    after = durations(session)
    heard = page.evaluate("window.heard")
    context.close()
    return tuple((b - a) * 1000 / heard for a, b in zip(before, after, strict=True))


def durations(session: object) -> tuple[float, float]:
    """Seconds of (script, everything) so far."""
    told = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    return told["ScriptDuration"], told["TaskDuration"]


if __name__ == "__main__":
    main(sys.argv[1])
