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


def tab_of(page, name):
    return page.get_by_role("tab", name=name, exact=True)


def open_tab(page, name):
    tab_of(page, name).click()


def slide(slider, key):
    slider.focus()
    slider.press(key)


def test_two_seeds_turn_into_one_another(page):
    open_tab(page, "Interpolate")
    more = page.get_by_role("button", name="More settings").locator("visible=true")
    more.click()
    for label, value in {"In-betweens": 2, "Steps": 4}.items():
        page.get_by_label(label, exact=True).locator("visible=true").fill(str(value))
    button(page, "Run").click()
    expect(visible(page, ".status-line", has_text="Done in")).to_have_count(1)
    stage = page.locator("#stage-interpolate")
    expect(stage.locator("[role=option]")).to_have_count(4)
    place = stage.locator(".stage-steps input")
    expect(place).to_have_attribute("aria-valuetext", "Frame 3 of 4: 33 % A, 67 % B")
    picture = stage.locator(".stage-after img")
    before = picture.get_attribute("src")
    slide(place, "End")
    expect(place).to_have_attribute("aria-valuetext", "Frame 4 of 4: 0 % A, 100 % B")
    assert picture.get_attribute("src") != before
    stage.locator(".stage-layers select").select_option(label="Animation")
    expect(picture).to_have_attribute("src", re.compile("^data:image/webp"))
    moving = picture.get_attribute("src")
    page.get_by_label("There and back").locator("visible=true").uncheck()
    expect(picture).not_to_have_attribute("src", moving)
    assert stage.locator(".stage-layers select").input_value() == "animation"
    slide(place, "Home")  # back from the animation to the way
    expect(place).to_have_attribute("aria-valuetext", "Frame 1 of 4: 100 % A, 0 % B")
    expect(picture).not_to_have_attribute("src", re.compile("^data:image/webp"))
    more.click()
    # Everything of a run is seen without scrolling; the rest, with sheets and history, in a screen
    # and a half.
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_timeout(500)
    seen = [stage.locator(".stage-view"), place, button(page, "Run")]
    assert all(
        box["y"] + box["height"] <= 900 for box in map(lambda one: one.bounding_box(), seen)
    )
    assert page.evaluate("document.documentElement.scrollHeight") <= 1.5 * 900
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollHeight") <= 3 * 844
    page.set_viewport_size({"width": 1280, "height": 900})
    with page.expect_download() as download:
        button(page, "Animation (GIF)").click()
    assert download.value.suggested_filename.endswith(".gif")


def go_to(page, section):
    """Jump to a section of the story, and wait until the page has come to rest there.

    The page scrolls softly; a wheel turned meanwhile would end the way before the section.
    """
    page.locator(f'.story-nav a[data-to="{section}"]').click()
    page.wait_for_function(
        """async ([section]) => {
          const top = () => document.querySelector(section).getBoundingClientRect().top;
          const before = top();
          await new Promise((resume) => setTimeout(resume, 300));
          return before === top() && 0 <= before && before < 200;
        }""",
        arg=[f".section-{section}"],
    )


def open_lab(page, name):
    page.get_by_role("button", name=name).locator("visible=true").click()


def shown(page, section):
    """The sentence of numbers that a pane shows now."""
    return page.locator(f".block.pane-{section} .numbers:visible").first


def test_the_story_moves_as_it_is_read_and_can_be_held(page):
    open_tab(page, "How it works")
    expect(page.locator(".katex-display").locator("visible=true").first).to_be_visible()
    numbers = shown(page, "forward")
    go_to(page, "forward")
    expect(numbers).to_contain_text("t = ")
    # Reading on moves t; the pane stays in the window all the while.
    seen = set()
    for _ in range(4):
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(300)
        seen.add(numbers.text_content())
        assert 0 <= page.locator(".block.pane-forward").bounding_box()["y"] < 450
    assert len(seen) > 2
    # Who takes hold of the slider keeps it, until the text is to be followed again.
    slider = page.locator(".block.pane-forward input[type=range]")
    slide(slider, "End")
    expect(numbers).to_contain_text("t = 1000:")
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(300)
    expect(numbers).to_contain_text("t = 1000:")
    page.locator(".block.pane-forward").get_by_role("button", name="Follow the text again").click()
    expect(numbers).not_to_contain_text("t = 1000:")
    # A symbol that is pointed at lights up everywhere.
    page.locator(".block.pane-forward .story-key", has_text="xₜ").hover()
    expect(page.locator(".section-forward .katex-html .lit").first).to_be_visible()
    page.get_by_text("中文", exact=True).click()
    expect(numbers).to_contain_text("信噪比")


def test_a_network_learns_on_the_page_and_stops_when_nobody_looks(page):
    open_tab(page, "How it works")
    go_to(page, "playground")
    pane = page.locator(".block.pane-playground")
    pane.get_by_role("button", name="Train for 5 seconds").click()
    expect(pane.get_by_text(re.compile("updates in"))).to_be_visible()
    assert page.evaluate("ddpmStory.view('playground').working")
    open_tab(page, "Generate")
    page.wait_for_function("!ddpmStory.view('playground').working")
    open_tab(page, "How it works")
    go_to(page, "playground")
    expect(pane.get_by_role("button", name="5 seconds more")).to_be_enabled()
    expect(pane.get_by_role("button", name="Ten times longer")).to_be_enabled()
    for points, words in (
        ("[]", "Draw here"),
        ("[1, 2]", "A single point"),
        ("Array.from({length: 200000}, Math.random)", "100,000 points are too many"),
    ):
        page.evaluate(f"ddpmStory.view('playground').give({points})")
        expect(pane.locator(".story-note")).to_contain_text(words)
    page.evaluate("ddpmStory.view('playground').wild(1e5)")
    expect(pane.locator(".story-note")).to_contain_text("came apart")
    assert not page.evaluate("ddpmStory.view('playground').working")


def test_the_tour_goes_from_tab_to_tab(page):
    expect(page.locator(".tour-card")).to_have_count(0)  # nothing opens by itself
    page.get_by_role("button", name="Take the tour").click()
    card = page.get_by_role("dialog", name="Guided tour")
    expect(card).to_contain_text("1 / ")
    card.get_by_role("button", name="Next").click()
    expect(card).to_contain_text("2 / ")
    expect(tab_of(page, "Denoise")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(page.get_by_role("button", name="Take the tour")).to_be_focused()


def test_the_run_of_the_process_can_be_scrubbed_and_branched(page):
    open_tab(page, "How it works")
    go_to(page, "generation")
    open_lab(page, re.compile("^Try it: the whole way down"))
    page.get_by_label("Steps", exact=True).locator("visible=true").fill("4")
    button(page, "Run").click()
    status = visible(page, ".status-line")
    expect(status).to_contain_text("Done in")
    expect(visible(page, ".live .stage img")).to_have_count(3)
    scrubber = visible(page, ".outputs .scrubber input[type=range]")
    slide(scrubber, "Home")
    expect(status).to_contain_text("Step 0 of 4 · t = 999")
    slide(scrubber, "ArrowRight")
    expect(status).to_contain_text("Step 1 of 4")
    button(page, "Branch at the step chosen above").click()
    expect(visible(page, ".result .thumbnail-item img")).to_have_count(4)
    page.get_by_text("中文", exact=True).click()
    expect(tab_of(page, "原理")).to_be_visible()
    expect(button(page, "从上面所选的步骤分支")).to_be_visible()
