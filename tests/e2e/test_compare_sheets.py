"""X/Y sheets in the browser: made on the stage, cancelled with what there is, saved."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from ddpm_demo.pictures.png_recipe import read_recipe

pytestmark = pytest.mark.e2e

expect.set_options(timeout=120_000)


class Sheets:
    """What a visitor does on the Generate tab."""

    def __init__(self, page):
        self.page = page
        self.panel = page.locator("[role=tabpanel]:visible")
        self.status = self.panel.locator(".status-line")
        self.panel.get_by_label("Images", exact=True).fill("1")
        self.panel.get_by_label("Seed", exact=True).fill("4")
        self.panel.get_by_role("button", name="Compare settings").click()
        self.values = self.panel.get_by_label("Its values")
        expect(self.values.first).to_be_visible()

    def make(self, *values):
        for box, words in zip(self.values.all(), values, strict=False):
            box.fill(words)
        self.panel.get_by_role("button", name="Make the sheet").click()

    def choose(self, axis, field):
        self.panel.get_by_label(axis, exact=True).click()
        self.page.get_by_role("option", name=field, exact=True).click()

    def save(self, path):
        with self.page.expect_download() as download:
            self.panel.get_by_role("button", name="Pictures", exact=True).click()
        download.value.save_as(path)
        return download.value.suggested_filename


def test_a_sheet_is_made_cell_by_cell_and_saved_with_its_recipe(page, tmp_path):
    sheets = Sheets(page)
    sheets.choose("From top to bottom", "Sampler")
    # The box of another field starts with values of that field.
    expect(sheets.values.nth(1)).to_have_value("ddim, dpmpp_2m, heun, euler_a")
    sheets.make("1, 2", "ddim, heun")
    progress = sheets.panel.locator(".stage-progress-words")
    expect(progress).to_contain_text(re.compile(r"\d of 4 cells done"))
    expect(sheets.status).to_contain_text("4 cells · 7 U-Net evaluations · seed 4")
    expect(sheets.panel.locator(".stage-steps")).to_be_hidden()
    name = sheets.save(tmp_path / "sheet.png")
    assert name == "compared-num_steps-sampler.png"
    recipe = read_recipe(tmp_path / "sheet.png")
    assert recipe["axes"] == {
        "x": {"field": "num_steps", "values": [1, 2]},
        "y": {"field": "sampler", "values": ["ddim", "heun"]},
    }
    assert min(Image.open(tmp_path / "sheet.png").size) > 400

    # A mistake stands beside its box, and the sheet stays.
    sheets.make("0, 2")
    expect(sheets.panel.get_by_text(re.compile("must be between 1 and 10000"))).to_be_visible()
    expect(sheets.panel.locator(".stage-after img")).to_have_attribute(
        "src", re.compile("compared-num_steps-sampler.png")
    )


def test_cancel_keeps_the_finished_cells(page, tmp_path):
    sheets = Sheets(page)
    sheets.make("1, 2, 1000")
    progress = sheets.panel.locator(".stage-progress-words")
    expect(progress).to_contain_text("2 of 3 cells done")
    sheets.panel.get_by_role("button", name="Cancel", exact=True).click()
    expect(sheets.status).to_contain_text("Stopped after 2 of 3 cells")
    expect(sheets.panel.get_by_role("button", name="Run", exact=True)).to_be_enabled()
    sheets.save(tmp_path / "sheet.png")
    recipe = read_recipe(tmp_path / "sheet.png")
    assert recipe["axes"]["x"]["values"] == [1, 2, 1000]
