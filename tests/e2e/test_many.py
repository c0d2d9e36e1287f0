"""Many pictures in the browser: a table as they finish, a broken one by name, cancel, the zip."""

import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

expect.set_options(timeout=120_000)


def picture(path, seed=0, side=48):
    pixels = np.random.default_rng(seed).normal(128, 20, (side, side, 3)).clip(0, 255)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


class Many:
    """What a visitor does with many pictures on the Denoise tab."""

    def __init__(self, page):
        self.page = page
        page.get_by_role("tab", name="Denoise", exact=True).click()
        self.panel = page.locator("[role=tabpanel]:visible")
        self.fold = self.panel.locator(".many")
        self.status = self.fold.locator(".status-line")
        self.rows = self.fold.locator(".many-table tbody tr")

    def open(self):
        self.panel.get_by_role("button", name="Many pictures").click()
        expect(self.button("Restore all")).to_be_visible()

    def button(self, name):
        return self.fold.get_by_role("button", name=name, exact=True)

    def start(self):
        self.button("Restore all").click()
        expect(self.button("Restore all")).to_be_disabled()

    def save(self, path):
        with self.page.expect_download() as download:
            self.button("All results (ZIP)").click()
        download.value.save_as(path)
        with zipfile.ZipFile(path) as archive:
            return sorted(archive.namelist())


def test_files_and_a_broken_one(page, tmp_path):
    many = Many(page)
    expect(many.button("Restore all")).to_be_hidden()  # nobody is asked to look at it
    many.open()
    expect(many.button("All results (ZIP)")).to_be_disabled()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    files = [picture(tmp_path / "a.png"), broken, picture(tmp_path / "b.jpg", 1)]
    many.fold.locator("input[type=file]").set_input_files(files)
    many.start()
    expect(many.rows).to_have_count(3)
    expect(many.status).to_contain_text("2 of 3 pictures done · 1 failed")
    expect(many.rows.nth(0)).to_contain_text(re.compile(r"a\.png\s*done\s*\d+\.\d"))
    expect(many.rows.nth(1)).to_contain_text("not a picture that can be read")
    names = many.save(tmp_path / "results.zip")
    assert names == ["a-denoised.png", "b-denoised.jpg", "batch-report.csv", "batch-report.json"]

    # What a run has left follows the language.
    page.get_by_text("中文", exact=True).click()
    expect(many.status).to_contain_text("已完成 2/3 张")
    page.get_by_text("EN", exact=True).click()
    expect(many.status).to_contain_text("2 of 3 pictures done")


def test_cancel_keeps_what_is_done(page, tmp_path):
    """A small picture, then one that nobody would wait for; from an archive."""
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.write(picture(tmp_path / "a.png"), "a.png")
        archive.write(picture(tmp_path / "b.png", 1, side=1500), "b.png")
    many = Many(page)
    many.open()
    many.fold.locator("input[type=file]").set_input_files(tmp_path / "pictures.zip")
    many.start()
    expect(many.status).to_contain_text("1 of 2 pictures")
    expect(many.rows.nth(1)).to_contain_text("waiting")
    many.button("Cancel").click()
    expect(many.status).to_contain_text("Stopped after 1 of 2 pictures")
    expect(many.button("Restore all")).to_be_enabled()
    assert "a-denoised.png" in many.save(tmp_path / "results.zip")
