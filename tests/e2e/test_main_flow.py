"""What a visitor comes for: run, watch, scrub, cancel, download, restore, switch language."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

expect.set_options(timeout=120_000)


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def set_number(page, label, value):
    page.get_by_label(label, exact=True).fill(str(value))


def status(page):
    return page.locator(".status-line")


def run(page, num_images, num_steps):
    set_number(page, "Images", num_images)
    set_number(page, "Steps", num_steps)
    button(page, "Run").click()


def test_noise_turns_into_pictures(page):
    expect(page.locator(".device-text")).to_contain_text("Device:")
    expect(button(page, "Cancel")).to_be_disabled()

    # Run: the live view and the status follow the steps, then the gallery is filled.
    set_number(page, "Seed", 0)
    run(page, 4, 12)
    expect(button(page, "Run")).to_be_disabled()
    expect(page.locator(".stage img")).to_have_count(2)
    expect(status(page)).to_contain_text(re.compile(r"Step \d+ of 12 · .*U-Net evaluation"))
    expect(status(page)).to_contain_text("Done in")
    expect(status(page)).to_contain_text("12 U-Net evaluations · seed 0")
    expect(page.locator(".result .thumbnail-item img")).to_have_count(4)
    expect(button(page, "Run")).to_be_enabled()

    # Small pictures are enlarged by a whole factor with hard pixels.
    picture = page.locator(".result .thumbnail-item img").first
    expect(picture).to_have_css("image-rendering", "pixelated")
    assert picture.evaluate("image => image.clientWidth % image.naturalWidth") == 0
    assert page.locator(".stage img").first.evaluate("image => image.clientWidth % 128") == 0

    # Scrub: earlier steps come back, the pictures differ.
    before = page.locator(".stage img").first.get_attribute("src")
    slider = page.locator(".scrubber input[type=range]")
    expect(slider).to_have_attribute("max", "12")
    slider.focus()
    slider.press("Home")
    expect(status(page)).to_contain_text("Step 0 of 12 · t = ")
    assert page.locator(".stage img").first.get_attribute("src") != before
    slider.press("End")
    expect(status(page)).to_contain_text("Step 12 of 12 · finished")

    # The language switch relabels everything and loses nothing.
    page.get_by_text("中文", exact=True).click()
    expect(button(page, "运行")).to_be_visible()
    expect(status(page)).to_contain_text("12")
    expect(page.locator(".result .thumbnail-item img")).to_have_count(4)
    page.reload()
    expect(button(page, "运行")).to_be_visible()
    page.get_by_text("EN", exact=True).click()
    expect(button(page, "Run")).to_be_visible()


def test_cancel_keeps_what_there_is(page):
    page.get_by_label("Sampler").click()
    page.get_by_role("option", name="DDPM ancestral").click()
    run(page, 4, 1000)
    expect(status(page)).to_contain_text(re.compile(r"Step \d+ of 1000"))
    button(page, "Cancel").click()
    expect(status(page)).to_contain_text(re.compile(r"Stopped at step \d+ of 1000"))
    expect(page.locator(".result .thumbnail-item img")).to_have_count(4)
    expect(page.locator(".result > label")).to_contain_text("Unfinished result")
    expect(button(page, "Run")).to_be_enabled()
    expect(button(page, "Cancel")).to_be_disabled()


def test_a_downloaded_picture_restores_every_control(page, tmp_path):
    page.get_by_label("Checkpoint").click()
    page.get_by_role("option", name=re.compile("^Garments, grey · 32 × 32 grey")).click()
    page.get_by_label("Sampler").click()
    page.get_by_role("option", name="DDIM").click()
    expect(page.get_by_label("Steps", exact=True)).to_have_value("")  # what suits
    set_number(page, "Seed", 42)
    run(page, 1, 3)
    expect(status(page)).to_contain_text("seed 42")
    expect(button(page, "Pictures (PNG)")).to_be_enabled()
    with page.expect_download() as download:
        button(page, "Pictures (PNG)").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.name == "seed-42.png"

    page.reload()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("")
    box = page.locator(".restore input[type=file]")
    box.set_input_files(saved)
    expect(page.locator(".notice-info")).to_contain_text("restored")
    for label, value in {"Images": "1", "Seed": "42", "Sampler": "DDIM", "Steps": "3"}.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(value)
    expect(page.get_by_label("Checkpoint")).to_have_value(
        re.compile("^Garments, grey · 32 × 32 grey")
    )

    # A file without a recipe is one sentence, and nothing else changes.
    text = tmp_path / "note.txt"
    text.write_text("not a picture")
    box.set_input_files(text)
    expect(page.locator(".notice-error")).to_contain_text("not a picture")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("42")


def test_a_mistake_is_said_beside_its_control(page):
    run(page, 10_000, 4)
    expect(page.locator(".invalid")).to_contain_text("Images must be between 1 and 256")
    expect(button(page, "Run")).to_be_enabled()
    run(page, 1, 2)
    expect(status(page)).to_contain_text("Done in")
    expect(page.locator(".invalid")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 844})
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
