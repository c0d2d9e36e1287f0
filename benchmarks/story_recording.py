"""The story as somebody reads it, as an animation: docs/how_it_works.webp.

python app.py --no-browser --port 7860 &
python benchmarks/story_recording.py [--url http://127.0.0.1:7860/] [--out docs/how_it_works.webp]
"""

from __future__ import annotations

import argparse
import io
import shutil

from PIL import Image
from playwright.sync_api import sync_playwright

WINDOW, SHOWN = (1200, 750), (800, 500)
# (section, window heights to read on, pictures)
PARTS = (("why", 0.5, 4), ("forward", 2.3, 8), ("reverse", 1.9, 6), ("generation", 0.9, 6))
PLAYGROUND_PICTURES = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:7860/")
    parser.add_argument("--out", default="docs/how_it_works.webp")
    args = parser.parse_args()
    frames = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        size = {"width": WINDOW[0], "height": WINDOW[1]}
        page = browser.new_page(locale="en-GB", viewport=size)
        page.set_default_timeout(180_000)
        page.goto(args.url)
        page.get_by_role("tab", name="How it works", exact=True).click()
        page.wait_for_selector(".pane-forward .story-strip button")
        page.wait_for_timeout(5000)

        def take() -> None:
            shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            frames.append(shot.resize(SHOWN, Image.Resampling.LANCZOS))

        for section, heights, count in PARTS:
            page.evaluate(f"document.querySelector('.section-{section}').scrollIntoView()")
            for _ in range(count):
                page.wait_for_timeout(400)
                take()
                page.evaluate(f"scrollBy(0, {heights * WINDOW[1] / count})")
        page.evaluate("document.querySelector('.pg-top').scrollIntoView(); scrollBy(0, -60)")
        page.locator(".block.pane-playground select").nth(3).select_option("both")
        page.locator(".block.pane-playground .story-button.primary").click()
        for _ in range(PLAYGROUND_PICTURES):
            page.wait_for_timeout(1500)
            take()
        browser.close()
    first, *rest = frames
    options = {"duration": 500, "loop": 0, "quality": 60, "method": 6}
    first.save(args.out, save_all=True, append_images=rest, **options)


if __name__ == "__main__":
    main()
