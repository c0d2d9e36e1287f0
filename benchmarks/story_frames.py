"""How long a slider of the story takes to redraw, in a real Chromium: docs/process.md.

    python app.py --no-browser --port 7860 &
    python benchmarks/story_frames.py [--url http://127.0.0.1:7860/] [--moves 20]

From the slider's event to the frame after its drawing, the median over the moves.
"""

from __future__ import annotations

import argparse
import shutil
import statistics

from playwright.sync_api import sync_playwright

MOVE = """(range, share) => new Promise((done) => {
  const from = performance.now(), low = Number(range.min), high = Number(range.max);
  range.value = low + (high - low) * share;
  range.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - from)));
})"""
SECTIONS = ("forward", "reverse", "training", "generation", "playground", "came")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:7860/")
    parser.add_argument("--moves", type=int, default=20)
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(locale="en-GB", viewport={"width": 1440, "height": 900})
        page.set_default_timeout(180_000)
        page.goto(args.url)
        page.get_by_role("tab", name="How it works", exact=True).click()
        page.wait_for_function("document.querySelector('.story:not(.waiting) .story-host canvas')")
        page.wait_for_selector(".pane-forward .story-strip button")
        print("| section | slider | median, ms | worst, ms |\n|---|---|---|---|")
        for section in SECTIONS:
            page.evaluate(f"document.querySelector('.section-{section}').scrollIntoView()")
            if section == "playground":
                page.locator(".block.pane-playground select").nth(3).select_option("both")
            page.wait_for_timeout(1500)
            for slider in page.locator(f".block.pane-{section} .story-slider").all():
                label = slider.locator("label").text_content().strip()
                # Those of other scenes are hidden; they are drawn all the same.
                range_input = slider.locator("input")
                taken = [
                    range_input.evaluate(MOVE, 0.1 + 0.8 * k / args.moves)
                    for k in range(args.moves)
                ]
                median, worst = statistics.median(taken), max(taken)
                print(f"| {section} | {label} | {median:.0f} | {worst:.0f} |", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
