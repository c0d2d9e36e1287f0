"""Pictures that turn into one another, and the process as something to scrub through."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

expect.set_options(timeout=120_000)


def visible(page, selector, **filters):
    return page.locator(f"{selector}:visible").filter(**filters)


def button(page, name):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def open_tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def slide(slider, key):
    slider.focus()
    slider.press(key)


def test_two_seeds_turn_into_one_another(page):
    open_tab(page, "Interpolate")
    for label, value in {"In-betweens": 2, "Steps": 4}.items():
        page.get_by_label(label, exact=True).locator("visible=true").fill(str(value))
    button(page, "Run").click()
    expect(visible(page, ".status-line", has_text="Done in")).to_have_count(1)
    frame = visible(page, "[data-pane=frame]")
    expect(frame).to_contain_text("Frame 2 of 4: 67 % A, 33 % B")
    before = frame.locator("img").get_attribute("src")
    slide(page.get_by_label("From left to right").locator("visible=true").last, "End")
    expect(frame).to_contain_text("Frame 4 of 4: 0 % A, 100 % B")
    assert frame.locator("img").get_attribute("src") != before
    animation = visible(page, "[data-pane=animation]").locator("img")
    expect(animation).to_have_attribute("src", re.compile("^data:image/webp"))
    with page.expect_download() as download:
        button(page, "Animation (GIF)").click()
    assert download.value.suggested_filename.endswith(".gif")


def test_the_process_can_be_held_and_scrubbed(page):
    open_tab(page, "How it works")
    open_tab(page, "Forward process")
    expect(page.locator(".katex-display").locator("visible=true").first).to_be_visible()
    expect(visible(page, ".numbers", has_text="t = 250:")).to_have_count(1)
    expect(visible(page, ".plot canvas, .plot svg").first).to_be_visible()
    slide(page.get_by_label("Noising steps (t)").locator("visible=true").last, "End")
    expect(visible(page, ".numbers", has_text="t = 1000:")).to_have_count(1)

    open_tab(page, "Generation")
    page.get_by_label("Steps", exact=True).locator("visible=true").fill("4")
    button(page, "Run").click()
    status = visible(page, ".status-line")
    expect(status).to_contain_text("Done in")
    expect(visible(page, ".live .stage img")).to_have_count(3)
    scrubber = visible(page, ".scrubber input[type=range]")
    slide(scrubber, "Home")
    expect(status).to_contain_text("Step 0 of 4 · t = 999")
    slide(scrubber, "ArrowRight")
    expect(status).to_contain_text("Step 1 of 4")
    button(page, "Branch at the step chosen above").click()
    expect(visible(page, ".result .thumbnail-item img")).to_have_count(4)
    page.get_by_text("中文", exact=True).click()
    expect(page.get_by_role("tab", name="原理", exact=True)).to_be_visible()
    expect(button(page, "从上面所选的步骤分支")).to_be_visible()
