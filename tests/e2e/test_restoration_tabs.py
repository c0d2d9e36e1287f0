"""Restoring in the browser: upload, paint, run, compare, download."""

import io
import json
import re
import time

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from ddpm_demo.pictures.png_recipe import read_recipe

pytestmark = pytest.mark.e2e

expect.set_options(timeout=120_000)

GREEN, BLUE = (40, 160, 60), (30, 40, 220)
WAIT_SECONDS = 60


class Tab:
    """What is on the chosen tab, and nothing of the others."""

    def __init__(self, page, name):
        page.get_by_role("tab", name=name, exact=True).click()
        self.page = page
        self.panel = page.locator("[role=tabpanel]:visible")
        self.result = self.stage(".stage-after img")
        expect(self.button("Run")).to_be_enabled()

    def button(self, name):
        return self.panel.get_by_role("button", name=name, exact=True)

    def stage(self, part):
        return self.panel.locator(f".stage-root {part}")

    def example(self, name):
        # Gradio gives its small picture a name of its own before the text.
        self.panel.get_by_role("button", name=re.compile(f"{name}$")).click()

    def upload(self, path):
        self.stage(".stage-file").set_input_files(path)

    def fill(self, label, value):
        self.panel.locator(".controls").get_by_label(label, exact=True).fill(str(value))

    def status(self):
        return self.panel.locator(".status-line")

    def run(self):
        expect(self.button("Run")).to_be_enabled()
        self.button("Run").click()
        expect(self.button("Run")).to_be_disabled()
        self.ended()

    def ended(self):
        expect(self.button("Run")).to_be_enabled()
        expect(self.status()).to_contain_text("Done in")
        expect(self.result).to_have_attribute("src", re.compile("seed-"))

    def picture(self):
        """The file of the picture on the stage."""
        reply = self.page.request.get(self.result.get_attribute("src"))
        return Image.open(io.BytesIO(reply.body()))

    def layer(self, name):
        self.stage(".stage-layers select").select_option(name)
        expect(self.result).to_have_attribute("src", re.compile(f"{name}.png"))


def screen(locator, colour):
    """(mask of where the colour is seen, x and y of the element) once it is seen at all."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        image = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
        seen = np.abs(np.asarray(image).astype(int) - colour).sum(-1) < 60
        if seen.any():
            box = locator.bounding_box()
            return seen, box["x"], box["y"]
        time.sleep(0.2)
    pytest.fail(f"{colour} was not seen within {WAIT_SECONDS} seconds")


def bounds(mask):
    """[left, top, right, bottom] of what is true, the ends not included."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# Each taller, wider or larger than the canvas.
SIZES = [(40, 96), (96, 40), (600, 120)]


def test_the_painted_mask_is_the_mask_that_is_used(page, tmp_path):
    """A line across a blue square, painted on the stage, in pictures of any shape."""
    tab = Tab(page, "Inpaint")
    for width, height in SIZES:
        side = min(width, height) // 4
        square = np.array([width // 3, height // 2, width // 3 + side, height // 2 + side])
        image = Image.new("RGB", (width, height), GREEN)
        image.paste(BLUE, tuple(square.tolist()))
        path = tmp_path / f"{width}x{height}.png"
        image.save(path)
        tab.upload(path)
        expect(tab.status()).to_contain_text(f"{width} × {height}")
        stroke(page, tab.stage(".stage-view"))
        if not tab.panel.get_by_label("Steps", exact=True).is_visible():
            tab.panel.get_by_text("More settings").click()
        tab.fill("Results", 1)
        tab.fill("Steps", 1)
        tab.fill("Seed", 0)
        tab.run()

        given = np.asarray(image).astype(int)
        result = np.asarray(tab.picture().convert("RGB")).astype(int)
        assert result.shape == given.shape
        hole = (result != given).any(-1)
        # The line ran from the left edge of the square to the right one, through its middle; what
        # is filled lies nowhere else, and fills most of it.
        left, top, right, bottom = bounds(hole)
        x0, y0, x1, y1 = square
        reach = (bottom - top) / 2
        slack = 2 + max(width, height) / 256
        assert abs((top + bottom) / 2 - (y0 + y1) / 2) <= slack
        assert left >= x0 - reach - slack and right <= x1 + reach + slack
        assert right - left >= (x1 - x0) / 2 and 1 <= reach < side
        before = hole

        # Another run goes by the same mask: nothing that happens on the page wipes the paint.
        tab.fill("Seed", 1)
        tab.run()
        again = np.asarray(tab.picture().convert("RGB")).astype(int)
        left, top, right, bottom = bounds((again != given).any(-1) | before)
        assert abs(left - bounds(before)[0]) <= slack and abs(bottom - bounds(before)[3]) <= slack

    # What is taken away is not used.
    tab.stage("[data-do=paint]").click()
    tab.stage("[data-do=clear]").click()
    tab.button("Run").click()
    expect(tab.panel.locator(".notice-error").first).to_contain_text("mask is empty")
    expect(tab.button("Run")).to_be_enabled()


def stroke(page, view):
    """Paint across the blue square from its left edge to its right one."""
    view.page.mouse.move(0, 0)  # the brush hides what is below it
    seen, x, y = screen(view, BLUE)
    left, top, right, bottom = bounds(seen)
    start, end, height = float(x + left), float(x + right), float(y + (top + bottom) / 2)
    page.mouse.move(start, height)
    page.mouse.down()
    page.mouse.move(end, height, steps=12)
    page.mouse.up()
    filled = page.locator("[role=tabpanel]:visible .stage-filled")
    expect(filled).not_to_contain_text(re.compile(r"^0\.0 %"))


def test_denoise_compare_download_and_send_on(page, tmp_path):
    tab = Tab(page, "Denoise")
    tab.example("Face")  # it runs at once
    tab.ended()
    # A box that says "automatic" while it is empty, and stays empty when it is first seen.
    tab.panel.get_by_text("More settings").click()
    expect(tab.panel.get_by_label("Steps", exact=True)).to_have_value("")
    tab.fill("Samples", 2)
    tab.fill("Seed", 0)
    tab.run()
    measures = tab.panel.locator(".measures-list")
    expect(measures).to_contain_text("Noise level, estimated")
    expect(measures).to_contain_text(re.compile(r"\d+\.\d dB \(noisy: \d+\.\d dB\)"))

    # Before and after: side by side, by a slider, or by holding a key.
    expect(tab.stage(".stage-before")).to_be_hidden()
    tab.button("Slider").click()
    expect(tab.stage(".stage-before img")).to_have_attribute("src", re.compile("before"))
    tab.button("Side by side").click()
    expect(tab.stage(".stage-tag-before")).to_be_visible()
    tab.button("Result").click()
    for layer in ("original", "uncertainty", "removed"):
        tab.layer(layer)
        assert tab.picture().size == (64, 64)

    with page.expect_download() as download:
        tab.button("Pictures").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert read_recipe(saved)["task"] == "denoise"

    # The result goes to another tab, whose run starts from it.
    tab.button("Upscale").click()
    other = Tab(page, "Upscale")
    expect(other.result).to_have_attribute("src", re.compile(".png"))
    with Image.open(saved) as result:
        assert np.array_equal(np.asarray(other.picture()), np.asarray(result))


def test_a_photograph_goes_to_its_prior_and_a_wrong_file_is_one_sentence(page, tmp_path):
    tab = Tab(page, "Denoise")
    photo = tmp_path / "photo.png"
    Image.effect_noise((96, 64), 40).convert("RGB").save(photo)
    tab.upload(photo)  # this and Run are all that is needed
    tab.run()
    assert tab.picture().size == (96, 64)
    with page.expect_download() as download:
        tab.button("Recipe (JSON)").click()
    saved = tmp_path / "recipe.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text())["checkpoint"] == "photos"
    measures = tab.panel.locator(".measures-list")
    expect(measures).to_contain_text("Photographs, any size")

    wrong = tmp_path / "paper.png"
    wrong.write_bytes(b"%PDF-1.7 not a picture")
    tab.upload(wrong)
    expect(tab.panel.locator(".notice-error").first).to_contain_text("not a picture")
    # What was there before is there still, with its numbers and its files, and can be run again.
    expect(measures).to_be_visible()
    expect(tab.button("Recipe (JSON)")).to_be_enabled()
    assert tab.picture().size == (96, 64)
    tab.panel.get_by_text("More settings").click()
    tab.fill("Seed", 7)
    tab.button("Run").click()
    tab.upload(wrong)  # while that run goes on
    expect(tab.status()).to_contain_text("seed 7")  # this run's end, not the one's before
    assert tab.picture().size == (96, 64)

    tab.upload(photo)
    expect(tab.status()).to_contain_text("96 × 64")
    tab.stage("[data-do=remove]").click()
    expect(tab.status()).not_to_contain_text("96 × 64")


def test_of_files_in_quick_succession_the_last_one_counts(page, tmp_path):
    """Also where the one before is still being read, be it a picture or none."""
    sizes = {"first.png": (48, 32), "photo.png": (96, 64)}
    for name, size in sizes.items():
        Image.effect_noise(size, 40).convert("RGB").save(tmp_path / name)
    (tmp_path / "wrong.png").write_bytes(b"%PDF-1.7 not a picture")
    held = []

    def hold(route):
        told = route.request.post_data or "" if "/run/" in route.request.url else ""
        slow = "photo.png" not in told and ("first.png" in told or "wrong.png" in told)
        held.append(route) if slow else route.continue_()

    tab = Tab(page, "Denoise")
    page.route("**/gradio_api/**", hold)
    for early in ("first.png", "wrong.png"):
        held.clear()
        tab.upload(tmp_path / early)
        wait_for(lambda: held, page)
        tab.upload(tmp_path / "photo.png")
        page.wait_for_timeout(500)
        for request in held:
            request.continue_()
        expect(tab.status()).to_contain_text("96 × 64")
        expect(tab.panel.locator(".notice-error:visible")).to_have_count(0)
        tab.run()
        assert tab.picture().size == (96, 64)


def test_a_long_run_is_told_before_it_begins(page, tmp_path):
    tab = Tab(page, "Deblur")
    photo = tmp_path / "photo.png"
    Image.effect_noise((1600, 1200), 40).save(photo)
    tab.upload(photo)
    line = tab.panel.locator(".block.time-ahead")
    expect(line).to_contain_text("takes about")
    page.get_by_text("中文", exact=True).click()
    expect(line).to_contain_text("大约需要")
    page.get_by_text("EN", exact=True).click()
    expect(line).to_contain_text("takes about")
    tab.stage("[data-do=remove]").click()
    expect(line).to_be_hidden()


def wait_for(there, page):
    deadline = time.monotonic() + WAIT_SECONDS
    while not there():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 844})
    for name in ("Denoise", "Inpaint", "Upscale", "Colourise", "Deblur"):
        Tab(page, name)
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, name
