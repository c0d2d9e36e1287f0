"""From the end of a drag to the new picture, in Chromium, in milliseconds.

    python app.py --no-browser --port 7860
    python benchmarks/live.py http://127.0.0.1:7860/ [--drags 20] [--checkpoint fashion-32-fast]

Each drag goes through ten places, one every 30 ms, and ends at a new one. Counted from the
pointer's release until the frame after the one in which the stage has the newest place's picture,
decoded. Printed: median, least and most; requests sent beside the places dragged through; how many
requests were under way at once; then the same for a sheet of twelve whose variation is moved.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
from typing import Any

from playwright.sync_api import Page, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Resolves when what is on the stage is the newest that was wanted, and has been painted.
SEEN = """() => new Promise((resolve) => {
  const live = window.ddpmLive.lives.get("generate");
  const { stage } = live;
  const look = () => {
    const image = stage.root.querySelector(".stage-after img");
    const isNewest = !live.wanted && !live.flying && live.shown && image.complete;
    const shown = stage.picturesNow().after;
    if (!isNewest || !shown || image.dataset.url !== shown.data)
      return requestAnimationFrame(look);
    const seen = () => resolve(performance.now() - window.released);
    image.decode().then(() => requestAnimationFrame(seen));
  };
  look();
})"""
RELEASED = """() => {
  for (const name of ["pointerup", "input"])
    document.addEventListener(name, () => (window.released = performance.now()), true);
}"""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--drags", type=int, default=20)
    parser.add_argument("--checkpoint", default="fashion-32-fast")
    args = parser.parse_args()
    program = os.environ.get("DDPM_DEMO_BROWSER") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en")
        page.goto(args.url)
        page.get_by_role("button", name="Run", exact=True).wait_for()
        page.evaluate(RELEASED)
        choose(page, args.checkpoint)
        page.get_by_role("switch", name="Live").click()
        page.evaluate("window.released = performance.now()")
        page.evaluate(SEEN)  # the checkpoint is loaded now
        for what, times in (
            ("one picture", [drag(page) for _ in range(args.drags)]),
            ("a sheet of 12", sheet(page, args.drags)),
        ):
            report(what, times)
        browser.close()


def choose(page: Page, name: str) -> None:
    """Another checkpoint, as one types it."""
    box = page.get_by_label("Checkpoint", exact=True).first
    box.fill(name)
    box.press("Enter")
    page.wait_for_timeout(1500)


def drag(page: Page) -> dict[str, Any]:
    """Drag the point to another place and wait for its picture."""
    watched = Watched(page)
    box = page.locator(".live-plane").bounding_box()
    assert box is not None
    mouse = page.mouse

    def place(share: float, other: float) -> tuple[float, float]:
        return box["x"] + box["width"] * share, box["y"] + box["height"] * other

    mouse.move(*place(random.random(), random.random()))
    mouse.down()
    moves = 10
    for _ in range(moves):
        mouse.move(*place(random.random(), random.random()))
        page.wait_for_timeout(30)
    mouse.up()
    return {"ms": page.evaluate(SEEN), "places": moves + 1, **watched.stop()}


def sheet(page: Page, rounds: int) -> list[dict[str, Any]]:
    """Vary what is on the stage, then move the slider."""
    page.get_by_role("button", name="Vary", exact=True).click()
    page.evaluate("window.released = performance.now()")
    page.evaluate(SEEN)
    found = []
    for _ in range(rounds):
        watched = Watched(page)
        slider = page.get_by_label("Variation", exact=False).locator("visible=true").first
        slider.focus()
        slider.press("ArrowRight" if random.random() < 0.5 else "ArrowLeft")
        found.append({"ms": page.evaluate(SEEN), "places": 1, **watched.stop()})
    return found


class Watched:
    """Requests of the panel from now on."""

    def __init__(self, page: Page):
        self.page, self.sent, self.now, self.most = page, 0, 0, 0
        page.on("request", self._begun)
        page.on("requestfinished", self._ended)

    def _begun(self, request: Any) -> None:  # noqa: ANN401
        if is_asked(request):
            self.sent, self.now = self.sent + 1, self.now + 1
            self.most = max(self.most, self.now)

    def _ended(self, request: Any) -> None:  # noqa: ANN401
        self.now -= is_asked(request)

    def stop(self) -> dict[str, int]:
        self.page.remove_listener("request", self._begun)
        self.page.remove_listener("requestfinished", self._ended)
        return {"sent": self.sent, "most": self.most}


def is_asked(request: Any) -> bool:  # noqa: ANN401
    """Whether a request of the page asks for pictures."""
    return request.method == "POST" and '"pictures"' in (request.post_data or "")


def report(what: str, drags: list[dict[str, Any]]) -> None:
    """One line."""
    times = [one["ms"] for one in drags]
    print(
        f"{what}: median {statistics.median(times):.0f} ms, {min(times):.0f} to {max(times):.0f}; "
        f"{sum(one['sent'] for one in drags)} requests for "
        f"{sum(one['places'] for one in drags)} places, at most "
        f"{max(one['most'] for one in drags)} at once"
    )


if __name__ == "__main__":
    main()
