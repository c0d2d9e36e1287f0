"""Own pictures become a checkpoint: upload, report, start, watch, reload, stop, sample from it."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from test_main_flow import button, run

pytestmark = pytest.mark.e2e

LONG = 600_000  # milliseconds: a busy machine trains slowly


@pytest.fixture
def own_pictures(tmp_path):
    """Twelve small grey pictures in a zip archive, a damaged one and a text file."""
    path = tmp_path / "mine.zip"
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(12):
            small = generator.integers(0, 256, (4, 4), np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(small).resize((32, 32)).save(buffer, "PNG")
            archive.writestr(f"blob {number}.png", buffer.getvalue())
        archive.writestr("broken.png", b"nothing")
        archive.writestr("notes.txt", b"hello")
    return path


def status(panel):
    return panel.locator(".status-line")


def open_tab(page):
    page.get_by_role("tab", name="Fine-tune").click()
    return page.locator("[role=tabpanel]:visible")


def test_own_pictures_become_a_checkpoint_of_every_tab(page, own_pictures):
    tab = open_tab(page)
    tab.get_by_label("Start from").click()
    page.get_by_role("option", name=re.compile("^Garments, grey · 32 × 32 grey")).click()

    # The report comes before anything is started, and the time as measured here.
    tab.locator("input[type=file]").first.set_input_files(own_pictures)
    report = tab.locator(".upload-report")
    expect(report).to_contain_text("32 × 32 (12)")
    expect(report).to_contain_text("2 files cannot be used")
    # A machine that is too busy to take six steps in five minutes is told, too.
    measured = re.compile(r"steps take about .* on this machine|could not be measured now")
    expect(tab.get_by_text(measured)).to_be_visible(timeout=LONG)

    tab.get_by_placeholder("My pictures").fill("My blobs")
    tab.get_by_role("button", name="More settings").click()
    for label, value in {"Steps, at most": 3000, "Minutes, at most": 60, "Batch": 2}.items():
        tab.get_by_label(re.compile(f"^{label}")).fill(str(value))
    button(tab, "Start training").click()
    expect(tab.get_by_text("Training has been started")).to_be_visible()
    expect(status(tab)).to_contain_text(re.compile(r"Training · Step \d+ of 3,000"), timeout=LONG)
    expect(tab.get_by_text("Samples at step 150", exact=True)).to_be_visible(timeout=LONG)
    expect(tab.locator(".nearest").last).to_contain_text("memorisation gauge")

    # All of it is there again for whoever opens the page, and while it trains one can sample.
    page.reload()
    expect(button(tab, "Stop")).to_be_visible()  # the same tab is open
    page.get_by_role("tab", name="Generate").click()
    button(page, "Run").wait_for()
    run(page.locator("[role=tabpanel]:visible"), 1, 2)
    expect(status(page.locator("[role=tabpanel]:visible"))).to_contain_text("Done in")
    tab = open_tab(page)
    expect(status(tab)).to_contain_text(re.compile(r"Step [\d,]+ of 3,000"))
    expect(tab.locator(".curves .stage img").first).to_be_visible()

    button(tab, "Stop").click()
    expect(status(tab)).to_contain_text(re.compile(r"Stopped; .* · Step [\d,]+"), timeout=LONG)
    with page.expect_download() as download:
        button(tab, "Download (zip)").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert "my-blobs/model_index.json" in archive.namelist()

    button(tab, "Use this checkpoint").click()
    expect(page.locator(".header").get_by_label("Checkpoint")).to_have_value(
        re.compile("My blobs")
    )
    page.get_by_role("tab", name="Generate").click()
    run(page.locator("[role=tabpanel]:visible"), 2, 2)
    expect(status(page.locator("[role=tabpanel]:visible"))).to_contain_text("Done in")
    expect(page.locator("[role=tabpanel]:visible .stage-strip [role=option]")).to_have_count(2)

    tab = open_tab(page)
    button(tab, "Delete").click()
    button(tab, "Delete the run and its result").click()
    expect(tab.locator(".runs").first).to_be_hidden()
