"""The pictures of the page in both READMEs, taken from an app that runs.

    python app.py --no-browser --port 7860
    python benchmarks/page_pictures.py http://127.0.0.1:7860/

Writes docs/page-generate.webp and docs/page-denoise.webp, and the same of the page in Chinese
(docs/page-generate.zh-CN.webp ...); a Chromium is needed, as for the tests.
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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from ddpm_demo.texts import DEFAULT_LANGUAGE, LANGUAGES, text  # noqa: E402

DOCS = Path(__file__).parent.parent / "docs"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH, HEIGHT = 1440, 900
MINUTES = 10 * 60_000


def main(url: str) -> None:
    """Run both tabs in both languages and keep what is seen."""
    program = os.environ.get("DDPM_DEMO_BROWSER") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        for language in LANGUAGES:
            size = {"width": WIDTH, "height": HEIGHT}
            context = browser.new_context(viewport=size, locale=language)
            take(context.new_page(), url, language)
            context.close()
        browser.close()


def take(page: Page, url: str, language: str) -> None:
    """Both pictures in one language."""

    def said(key: str) -> str:
        return text(language, key)

    ending = "" if language == DEFAULT_LANGUAGE else f".{language}"
    page.goto(url)
    run = page.get_by_role("button", name=said("common.run"), exact=True).first
    expect(run).to_be_visible(timeout=MINUTES)
    page.wait_for_timeout(3000)
    page.get_by_label(said("fields.seed"), exact=True).first.fill("3")
    run.click()
    finished(page, language)
    keep(page, f"page-generate{ending}")
    page.get_by_role("tab", name=said("tabs.denoise"), exact=True).click()
    panel = page.locator("[role=tabpanel]:visible")
    panel.get_by_role("button", name=re.compile(f"{said('restoration.astronaut')}$")).click()
    finished(page, language)
    panel.get_by_role("button", name=said("stage.slider"), exact=True).click()
    keep(page, f"page-denoise{ending}")


def finished(page: Page, language: str) -> None:
    """Wait for the end of a run."""
    done = text(language, "common.status_done", seconds="").strip()
    line = page.locator("[role=tabpanel]:visible .status-line")
    expect(line).to_contain_text(done, timeout=MINUTES)
    page.wait_for_timeout(1500)


def keep(page: Page, name: str) -> None:
    """What is seen, as a small file."""
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.convert("RGB").save(DOCS / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main(sys.argv[1])
