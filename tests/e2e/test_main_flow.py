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
    return page.locator("[role=tabpanel]:visible .status-line")


def run(page, num_images, num_steps):
    set_number(page, "Images", num_images)
    set_number(page, "Steps", num_steps)
    button(page, "Run").click()


def stage(page, part=""):
    return page.locator(f"[role=tabpanel]:visible .stage-root {part}".strip())


def test_noise_turns_into_pictures(page):
    expect(page.locator(".device-text")).to_contain_text("Device:")
    expect(button(page, "Cancel")).to_be_disabled()

    # Run: the stage follows the steps, then it has the pictures.
    set_number(page, "Seed", 0)
    run(page, 4, 12)
    expect(stage(page, ".stage-progress")).to_be_visible()
    expect(button(page, "Run")).to_be_disabled()
    expect(stage(page, ".stage-progress-words")).to_contain_text(re.compile(r"Step \d+ of 12"))
    expect(stage(page, ".stage-inset")).to_be_visible()  # x_t beside x0_hat
    expect(status(page)).to_contain_text("Done in")
    expect(status(page)).to_contain_text("12 U-Net evaluations · seed 0")
    samples = stage(page, ".stage-strip [role=option]")
    expect(samples).to_have_count(4)
    expect(button(page, "Run")).to_be_enabled()

    # First all of them side by side, enlarged by a whole factor with hard pixels.
    picture = stage(page, ".stage-after img")
    expect(picture).to_have_css("image-rendering", "pixelated")
    width, natural = picture.evaluate("image => [image.clientWidth, image.naturalWidth]")
    assert natural == 128 and width % natural == 0 and width > natural
    # A click on one shows that one; so does its place in the strip.
    box = picture.bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    expect(samples.nth(1)).to_have_attribute("aria-selected", "true")
    expect(picture).to_have_attribute("src", re.compile("seed-1.png"))
    samples.nth(2).click()
    expect(picture).to_have_attribute("src", re.compile("seed-2.png"))

    # The slider goes back through the steps of that sample.
    slider = stage(page, ".stage-steps input")
    expect(slider).to_have_attribute("max", "12")
    slider.focus()
    slider.press("Home")
    expect(status(page)).to_contain_text("Step 0 of 12 · t = ")
    expect(picture).to_have_attribute("src", re.compile("^data:"))
    slider.press("End")
    expect(picture).to_have_attribute("src", re.compile("seed-2.png"))

    # The language switch relabels everything and loses nothing.
    page.get_by_text("中文", exact=True).click()
    expect(button(page, "运行")).to_be_visible()
    expect(status(page)).to_contain_text("12")
    expect(samples).to_have_count(4)
    page.reload()
    expect(button(page, "运行")).to_be_visible()
    page.get_by_text("EN", exact=True).click()
    expect(button(page, "Run")).to_be_visible()


def test_all_of_a_run_is_seen_without_scrolling_and_nothing_jumps(page):
    """At 1440 x 900, before a run and after it."""
    page.set_viewport_size({"width": 1440, "height": 900})
    frame = stage(page, ".stage-frame").bounding_box()
    set_number(page, "Images", 2)
    set_number(page, "Steps", 2)
    button(page, "Run").click()  # one click, for who changes nothing
    expect(status(page)).to_contain_text("Done in")
    assert stage(page, ".stage-frame").bounding_box() == frame
    parts = [stage(page, name) for name in (".stage-frame", ".stage-strip", ".stage-steps")]
    for part in [*parts, button(page, "Run"), status(page)]:
        box = part.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 900
    assert page.evaluate("window.scrollY") == 0


def test_on_a_phone_run_and_the_stage_are_within_reach(page):
    page.set_viewport_size({"width": 390, "height": 844})
    expect(button(page, "Run")).to_be_visible()
    top = stage(page, ".stage-frame").bounding_box()["y"]
    run_box = button(page, "Run").bounding_box()
    assert run_box["y"] + run_box["height"] - top <= 844
    assert page.evaluate("document.documentElement.scrollHeight") <= 3 * 844
    # Whatever passes below it: no label is drawn over it.
    x, y = run_box["x"] + 24, run_box["y"] + run_box["height"] / 2
    for top in range(0, 700, 35):
        on_top = "([x, y]) => document.elementFromPoint(x, y).closest('button')?.innerText"
        page.evaluate("top => window.scrollTo(0, top)", top)
        assert page.evaluate(on_top, [x, y]) == "Run"
    # What an example begins is seen.
    page.get_by_role("tab", name="Denoise", exact=True).click()
    example = page.locator("[role=tabpanel]:visible .presets button").first
    example.scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    example.click()
    expect(stage(page, ".stage-frame")).to_be_in_viewport(ratio=0.9)


def test_the_open_tab_is_in_the_address(page):
    page.get_by_role("tab", name="Denoise", exact=True).click()
    expect(page).to_have_url(re.compile("#denoise$"))
    page.get_by_role("tab", name="How it works", exact=True).click()
    expect(page).to_have_url(re.compile("#process$"))
    page.go_back()
    selected = page.get_by_role("tab", name="Denoise", exact=True)
    expect(selected).to_have_attribute("aria-selected", "true")
    page.reload()
    expect(selected).to_have_attribute("aria-selected", "true")
    expect(button(page, "Run")).to_be_visible()


def test_cancel_keeps_what_there_is(page):
    page.get_by_label("Sampler").click()
    page.get_by_role("option", name="DDPM ancestral").click()
    run(page, 4, 1000)
    words = stage(page, ".stage-progress-words")
    expect(words).to_contain_text(re.compile(r"Step \d+ of 1000"))
    expect(page).to_have_title(re.compile("%"))
    page.keyboard.press("Escape")
    expect(status(page)).to_contain_text(re.compile(r"Stopped at step \d+ of 1000"))
    expect(stage(page, ".stage-strip [role=option]")).to_have_count(4)
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
    expect(button(page, "Pictures")).to_be_enabled()
    with page.expect_download() as download:
        button(page, "Pictures").click()
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
    set_number(page, "Images", 1)
    set_number(page, "Steps", 2)
    page.keyboard.press("Control+Enter")
    expect(status(page)).to_contain_text("Done in")
    expect(page.locator(".invalid")).to_have_count(0)
    # The list of samplers opens when the focus comes and closes when it goes on.
    page.get_by_label("Images", exact=True).focus()
    page.keyboard.press("Tab")
    expect(page.locator(".option-list")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_label("Steps", exact=True)).to_be_focused()
    page.wait_for_timeout(500)
    expect(page.locator(".option-list")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 844})
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0


def test_the_checkpoint_above_the_tabs_is_shown_where_it_counts(page):
    """A photograph on Denoise is not restored with the drawn faces that Generate is set to."""
    picker, card = page.locator(".header .checkpoint"), page.locator(".header .card summary")
    for tab, counts in {
        "Denoise": False,
        "Interpolate": True,
        "Deblur": False,
        "Generate": True,
    }.items():
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(picker).to_be_visible(visible=counts)
        expect(card).to_be_visible(visible=counts)
