"""The pictures of the page in both READMEs, taken from an app that runs.

    python app.py --no-browser --port 7860
    python benchmarks/page_pictures.py http://127.0.0.1:7860/

Writes docs/page-generate.webp and docs/page-denoise.webp; a Chromium is needed, as for the tests.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

DOCS = Path(__file__).parent.parent / "docs"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH, HEIGHT = 1440, 900
MINUTES = 10 * 60_000


def main(url: str) -> None:
    """Run both tabs and keep what is seen."""
    program = os.environ.get("DDPM_DEMO_BROWSER") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en")
        page.goto(url)
        page.get_by_label("Seed", exact=True).fill("3")
        page.get_by_role("button", name="Run", exact=True).click()
        finished(page)
        keep(page, "page-generate")
        page.get_by_role("tab", name="Denoise", exact=True).click()
        panel = page.locator("[role=tabpanel]:visible")
        panel.get_by_role("button", name=re.compile("Astronaut$")).click()
        finished(page)
        panel.get_by_role("button", name="Slider", exact=True).click()
        keep(page, "page-denoise")
        browser.close()


def finished(page: Page) -> None:
    """Wait for the end of a run."""
    line = page.locator("[role=tabpanel]:visible .status-line")
    expect(line).to_contain_text("Done in", timeout=MINUTES)
    page.wait_for_timeout(1500)


def keep(page: Page, name: str) -> None:
    """What is seen, as a small file."""
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.convert("RGB").save(DOCS / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main(sys.argv[1])
