"""The story with the keyboard alone and with little motion: all is there, nothing moves alone."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

expect.set_options(timeout=120_000)

SECTIONS = {  # name: beats, and what a person can take hold of beside each
    "why": (4, set()),
    "forward": (4, {"range", "key", "strip"}),
    "reverse": (4, {"range", "key"}),
    "training": (4, {"range", "key"}),
    "generation": (4, {"range"}),
    "came": (3, {"range"}),
}
# Marks what has the focus, and says what it is.
FOCUSED = """() => {
  const node = document.activeElement;
  node.dataset.keysReached = "yes";
  const pane = node.closest(".story-pane");
  if (node.matches(".story-nav a")) return "nav";
  if (!pane) return node.closest(".story") ? "text" : "outside";
  if (node.matches(".story-key")) return "key";
  if (node.matches(".story-strip button")) return "strip";
  return node.type === "range" ? "range" : node.tagName.toLowerCase();
}"""
# Marks what can be taken hold of beside the text that is read now.
MARK = """name => [...document.querySelectorAll(`.section-${name} .story-pane *`)]
  .filter((node) => node.matches('a[href], button, input, select, [tabindex="0"]'))
  .filter((node) => !node.disabled && node.checkVisibility())
  .forEach((node) => { node.dataset.keysWanted = "yes"; })"""
# What was marked and has never had the focus.
MISSED = """() => [...document.querySelectorAll("[data-keys-wanted]")]
  .filter((node) => !node.dataset.keysReached).map((node) => node.outerHTML.slice(0, 120))"""
BEAT = """name => [...document.querySelectorAll(`.section-${name} .beat`)]
  .filter((node) => !node.parentElement.closest(".beat"))
  .findIndex((node) => node.classList.contains("current"))"""


@pytest.fixture(scope="module")
def calm(browser, app_url):
    """The story, for somebody who wants little motion, for all tests; no error may be logged."""
    context = browser.new_context(
        locale="en-GB", viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    context.set_default_timeout(120_000)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(app_url)
    page.get_by_role("button", name="Run", exact=True).wait_for()
    tab = page.get_by_role("tab", name="How it works", exact=True)
    tab.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".story.waiting")).to_have_count(0)
    expect(page.locator(".block.pane-forward .numbers").first).to_contain_text("t = ")
    yield page
    context.close()
    assert errors == []


def to_section(page, name):
    """Its link has the focus and is pressed."""
    page.locator(f'.story-nav a[data-to="{name}"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "name => document.activeElement.closest(`.section-${name} .beat`)", arg=name
    )
    expect(page.locator(f'.story-nav a[data-to="{name}"]')).to_have_attribute(
        "aria-current", "true"
    )


def read_on(page, name, beat):
    """Arrow down until `beat` is read."""
    for _ in range(120):
        if page.evaluate(BEAT, name) >= beat:
            return
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(30)
    pytest.fail(f"The arrow keys do not reach the text {beat} of {name}")


def tab_through(page, name):
    """Tab until the focus leaves the section: what kinds of things were reached."""
    kinds = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        kinds.add(page.evaluate(FOCUSED))
        if not page.evaluate("n => !!document.activeElement.closest(`.section-${n}`)", name):
            return kinds
    pytest.fail(f"The focus is caught in {name}")


@pytest.mark.parametrize("name", SECTIONS)
def test_every_control_beside_every_text_is_reached_with_tab(calm, name):
    beats, wanted = SECTIONS[name]
    seen = set()
    for beat in range(beats):
        to_section(calm, name)
        read_on(calm, name, beat)
        calm.evaluate(MARK, name)
        seen |= tab_through(calm, name)
    assert calm.evaluate(MISSED) == []
    assert wanted <= seen


def test_the_arrows_move_a_slider_and_a_button_gives_it_back(calm):
    to_section(calm, "forward")
    numbers = calm.locator(".block.pane-forward .numbers").first
    calm.keyboard.press("Tab")
    while calm.evaluate(FOCUSED) != "range":
        calm.keyboard.press("Tab")
    calm.keyboard.press("End")
    expect(numbers).to_contain_text("t = 1000:")
    calm.keyboard.press("ArrowLeft")
    expect(numbers).to_contain_text("t = 999:")
    calm.keyboard.press("Shift+Tab")
    expect(calm.get_by_role("button", name="Follow the text again")).to_be_focused()
    calm.keyboard.press("Enter")
    expect(numbers).not_to_contain_text("t = 999:")


def test_the_playground_is_worked_and_drawn_in_with_keys(calm):
    to_section(calm, "playground")
    pane = calm.locator(".block.pane-playground")
    calm.evaluate(MARK, "playground")
    tab_through(calm, "playground")
    assert calm.evaluate(MISSED) == []
    pane.get_by_role("button", name="Draw your own").focus()
    calm.keyboard.press("Enter")
    expect(pane.locator(".story-note")).to_contain_text("arrow keys and the space bar")
    while not calm.evaluate("document.activeElement.matches('canvas.pg-view')"):
        calm.keyboard.press("Tab")
    for key in ("Space", "ArrowRight", "ArrowRight", "ArrowUp", "Space"):
        calm.keyboard.press(key)
    expect(pane.locator(".story-note")).to_have_text("")
    assert calm.evaluate("ddpmStory.view('playground').state.drawn.length") == 12
    expect(pane.get_by_role("button", name="Train for 5 seconds")).to_be_enabled()


def test_a_closed_part_opens_with_enter(calm):
    part = calm.get_by_role("button", name="Try it: one training step with the network")
    part.focus()
    calm.keyboard.press("Enter")
    expect(
        calm.get_by_role("button", name="Draw t and noise, and ask the network")
    ).to_be_visible()
    calm.keyboard.press("Tab")
    assert calm.evaluate("!!document.activeElement.closest('.story-lab')")


def test_nothing_moves_by_itself(calm):
    for name in (*SECTIONS, "playground", "summary"):
        to_section(calm, name)  # a leap, not a glide
        place = calm.evaluate("scrollY")
        calm.wait_for_timeout(300)
        before = calm.screenshot()
        calm.wait_for_timeout(900)
        assert calm.evaluate("scrollY") == place, name
        assert calm.screenshot() == before, name
        moving = "document.getAnimations().filter((one) => one.playState === 'running').length"
        assert calm.evaluate(moving) == 0, name


def test_the_noising_is_played_in_a_few_pictures(calm):
    to_section(calm, "playground")
    calm.get_by_role("button", name="Play the noising").focus()
    calm.keyboard.press("Enter")
    seen = calm.evaluate(
        """() => new Promise((done) => {
          const seen = new Set();
          const look = () => {
            seen.add(ddpmStory.view("playground").state.t);
            if (seen.has(1000)) done([...seen]);
            else requestAnimationFrame(look);
          };
          look();
        })"""
    )
    assert set(seen) <= {150, *range(0, 1001, 125)}


def test_a_link_of_the_text_opens_the_tab_with_its_recipe(calm):
    to_section(calm, "generation")
    link = calm.get_by_role("link", name="η = 0.5, 50 steps")
    while not link.evaluate("node => node === document.activeElement"):
        calm.keyboard.press("Tab")
    calm.keyboard.press("Enter")
    tab = calm.get_by_role("tab", name="Generate", exact=True)
    expect(tab).to_have_attribute("aria-selected", "true")
    steps = calm.get_by_label("Steps", exact=True).locator("visible=true")
    expect(steps).to_have_value("50")
    expect(calm.get_by_label("Seed", exact=True).locator("visible=true")).to_have_value("7")
