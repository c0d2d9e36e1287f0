"""Nothing is lost, in a real browser: reloads, two visitors, the history, recipes in addresses."""

import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

# The machine may be busy; nothing here depends on how fast it is.
expect.set_options(timeout=240_000)


class Visitor:
    """A browser of its own, with one page."""

    def __init__(self, browser, url):
        size = {"width": 1440, "height": 900}
        self.context = browser.new_context(locale="en-GB", viewport=size, accept_downloads=True)
        self.context.set_default_timeout(240_000)
        self.errors, self.url = [], url
        self.page = self.open("")

    def open(self, address):
        """Another page of the same browser."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(self.url + address)
        self.panel(page).get_by_role("button", name="Run", exact=True).wait_for()
        self.page = page
        return page

    def panel(self, page=None):
        return (page or self.page).locator("[role=tabpanel]:visible")

    def button(self, name):
        return self.panel().get_by_role("button", name=name, exact=True)

    def box(self, label):
        return self.panel().locator(".controls").get_by_label(label, exact=True)

    def status(self):
        return self.panel().locator(".status-line")

    def stage(self, part):
        return self.panel().locator(f".stage-root {part}")

    def history(self):
        return self.panel().locator(".history-item")

    def run(self, **settings):
        for label, value in settings.items():
            self.box(label).fill(str(value))
        expect(self.button("Run")).to_be_enabled()
        self.button("Run").click()

    def is_at_work(self):
        expect(self.button("Run")).to_be_disabled()
        words = self.stage(".stage-progress-words")
        expect(words).to_contain_text(re.compile(r"Step [1-9]\d* of"))
        return words

    def has_result(self, *words):
        expect(self.button("Run")).to_be_enabled()
        for part in words:
            expect(self.status()).to_contain_text(part)
        expect(self.stage(".stage-after img")).to_have_attribute("src", re.compile("/file="))


@pytest.fixture
def visit(browser, app_url):
    visitors = []

    def opened():
        visitors.append(Visitor(browser, app_url))
        return visitors[-1]

    yield opened
    for visitor in visitors:
        visitor.context.close()
    assert [error for visitor in visitors for error in visitor.errors] == []


def test_results_and_settings_are_there_after_a_reload(visit):
    me = visit()
    me.run(Images=2, Steps=3, Seed=11)
    me.has_result("Done in", "seed 11")
    me.box("Steps").fill("4")
    me.box("Steps").blur()
    me.page.reload()
    me.has_result("Done in", "seed 11")
    for label, value in {"Images": "2", "Steps": "4", "Seed": "11"}.items():
        expect(me.box(label)).to_have_value(value)
    expect(me.stage(".stage-strip [role=option]")).to_have_count(2)
    expect(me.history()).to_have_count(1)
    # Its steps and its downloads, too.
    me.stage(".stage-steps input").evaluate(
        "input => { input.value = 1; input.dispatchEvent(new Event('input')); }"
    )
    expect(me.status()).to_contain_text("Step 1 of 3")
    with me.page.expect_download() as saved:
        me.button("Pictures").click()
    assert saved.value.suggested_filename.endswith(".zip")
    # Another tab of the browser has it as well; an address without it goes on to work.
    me.open("#generate")
    me.has_result("Done in", "seed 11")


def test_a_run_goes_on_through_a_reload(visit):
    """The runs are long enough that no machine is done before the page is there again."""
    me = visit()
    me.run(Images=4, Steps=1000)
    me.is_at_work()
    me.page.reload()
    me.is_at_work()
    me.button("Cancel").click()
    me.has_result(re.compile(r"Stopped at step \d+ of 1000"))
    # In the middle of one, and back when it may be over.
    me.run(Images=1, Steps=150, Seed=5)
    me.is_at_work()
    me.page.goto("about:blank")
    me.page.go_back()
    me.has_result("Done in", "150 steps", "seed 5")
    expect(me.history()).to_have_count(2)


def test_the_history_does_not_come_between_a_run_and_its_result(visit):
    me = visit()
    me.run(Images=1, Steps=2, Seed=5)
    me.has_result("Done in", "seed 5")
    me.run(Images=4, Steps=1000, Seed=6)  # not over before the page is there again
    me.is_at_work()
    me.page.reload()
    me.is_at_work()
    me.history().first.click()
    expect(me.panel().locator(".notice-error").first).to_contain_text("A run goes on here")
    me.is_at_work()
    me.button("Cancel").click()
    me.has_result("Stopped at step", "seed 6")
    me.history().last.click()
    me.has_result("Done in", "seed 5")


def test_the_picture_and_the_mask_are_there_after_a_reload(visit, tmp_path):
    path = tmp_path / "garden.png"
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    me = visit()
    me.page.get_by_role("tab", name="Inpaint", exact=True).click()
    me.stage(".stage-file").set_input_files(path)
    expect(me.status()).to_contain_text("64 × 48")
    box = me.stage(".stage-view").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    me.page.mouse.move(x - 40, y)
    me.page.mouse.down()
    me.page.mouse.move(x + 40, y, steps=5)
    me.page.mouse.up()
    filled = me.stage(".stage-filled")
    expect(filled).not_to_contain_text(re.compile(r"^0 ?%"))
    share = filled.inner_text()
    # The server has it when the page has told of it.
    me.page.wait_for_function(
        "() => { const { painter, said } = window.ddpmStage.stages.get('inpaint');"
        " return said.mask && painter.mask.version === painter.mask.sent; }"
    )
    # Nothing on the page says when the server has put it away, and its streams never rest.
    me.page.wait_for_timeout(10_000)
    me.page.reload()
    expect(me.stage(".stage-after img")).to_have_attribute("src", re.compile("/file="))
    expect(filled).to_have_text(share)
    # It is the file itself: the result is called after it, and only the hole has changed.
    me.panel().get_by_text("More settings").click()
    me.run(Results=1, Steps=1, Seed=0)
    me.has_result("Done in")
    with me.page.expect_download() as saved:
        me.button("Pictures").click()
    assert saved.value.suggested_filename == "garden-inpainted.png"
    saved.value.save_as(tmp_path / "result.png")
    changed = (np.asarray(Image.open(tmp_path / "result.png").convert("RGB")) != noise).any(-1)
    assert 0 < changed.mean() < 0.5


def test_two_visitors_see_their_own_and_wait_for_each_other(visit):
    one, two = visit(), visit()
    one.run(Images=4, Steps=250, Seed=1)  # takes longer than a page to be there again
    one.is_at_work()
    two.run(Images=1, Steps=2, Seed=2)
    words = two.stage(".stage-progress-words")
    expect(words).to_contain_text("1 before you")
    expect(words).to_contain_text(re.compile("about .* s"))
    # Who waits keeps the place through a reload.
    two.page.reload()
    expect(words).to_contain_text("1 before you")
    two.has_result("Done in", "seed 2")
    one.has_result("Done in", "seed 1")
    for visitor in (one, two):
        visitor.page.reload()
        expect(visitor.history()).to_have_count(1)
    one.has_result("seed 1"), two.has_result("seed 2")


def test_who_is_gone_does_not_keep_others_waiting(visit):
    one, two = visit(), visit()
    one.run(Images=4, Steps=1000)
    one.is_at_work()
    two.run(Images=1, Steps=2, Seed=2)
    expect(two.stage(".stage-progress-words")).to_contain_text("1 before you")
    one.page.close()
    two.has_result("Done in", "seed 2")
    # What had been made is there when they come back.
    one.open("")
    one.has_result(re.compile(r"Stopped at step \d+ of 1000"))


def test_the_history_is_used_again_and_deleted(visit, tmp_path):
    me = visit()
    me.run(Images=2, Steps=3, Seed=7)
    me.has_result("seed 7")
    me.run(Images=1, Steps=2, Seed=9)
    me.has_result("seed 9")
    expect(me.history()).to_have_count(2)
    older = me.history().nth(1)
    older.click()
    me.has_result("seed 7")
    expect(me.box("Seed")).to_have_value("9")  # looking at it sets nothing
    me.button("Use settings").click()
    for label, value in {"Images": "2", "Steps": "3", "Seed": "7"}.items():
        expect(me.box(label)).to_have_value(value)
    # The next pictures by the same settings.
    me.button("Vary").click()
    me.has_result("3 steps", "seed 9")
    expect(me.history()).to_have_count(3)
    # Compared with what is on the stage, from another tab as well, by keys.
    me.page.get_by_role("tab", name="Denoise", exact=True).click()
    expect(me.history()).to_have_count(3)
    me.history().first.focus()
    me.page.keyboard.press("End")
    me.page.keyboard.press("Enter")
    expect(me.page.get_by_role("tab", name="Generate", exact=True)).to_have_attribute(
        "aria-selected", "true"
    )
    me.has_result("seed 7")
    me.history().first.click()
    me.has_result("seed 9")
    me.history().nth(2).focus()
    with me.page.expect_download() as saved:
        me.button("Download all").click()
    saved.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.namelist()[:3] == [
            f"01-generate/{name}" for name in ("seed-7.png", "seed-8.png", "recipe.json")
        ]
        assert len(archive.namelist()) == 3 + 2 + 3
    # Deleted here and on the server.
    me.history().first.focus()
    me.page.keyboard.press("Delete")
    expect(me.history()).to_have_count(2)
    me.page.reload()
    expect(me.history()).to_have_count(2)
    me.page.on("dialog", lambda dialog: dialog.accept())
    with me.page.expect_navigation():
        me.button("Forget everything").click()
    expect(me.button("Run")).to_be_enabled()
    expect(me.box("Seed")).to_have_value("")
    expect(me.history()).to_have_count(0)


def test_a_result_is_compared_with_another(visit):
    me = visit()
    for seed in (1, 2):
        me.run(Images=1, Steps=2, Seed=seed)
        me.has_result(f"seed {seed}")
    expect(me.history()).to_have_count(2)
    me.history().first.click()
    me.has_result("seed 2")
    me.button("Compare").click()
    expect(me.button("Choose another")).to_have_attribute("aria-pressed", "true")
    me.history().nth(1).click()
    expect(me.stage(".stage-before img")).to_be_visible()
    expect(me.stage("[data-do=slider]")).to_have_attribute("aria-pressed", "true")
    expect(me.status()).to_contain_text("seed 2")


def test_a_link_opens_the_tab_with_its_recipe(visit):
    me = visit()
    me.run(Images=1, Steps=2, Seed=42)
    me.has_result("seed 42")
    me.context.grant_permissions(["clipboard-read", "clipboard-write"])
    me.button("Copy link").click()
    expect(me.panel().locator(".notice-info")).to_contain_text("link")
    me.page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('#')")
    link = me.page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(
        re.escape(me.url) + r"#generate\?checkpoint=faces-64&seed=42&num_images=1.*", link
    )

    other = visit()
    other.open(link.removeprefix(other.url))
    for label, value in {"Images": "1", "Steps": "2", "Seed": "42"}.items():
        expect(other.box(label)).to_have_value(value)
    # A switch of the language and a reload leave the controls, and what was changed since.
    other.box("Steps").fill("3")
    other.page.get_by_text("中文", exact=True).click()
    expect(other.panel().get_by_role("button", name="运行", exact=True)).to_be_visible()
    other.page.get_by_text("EN", exact=True).click()
    expect(other.button("Run")).to_be_visible()
    expect(other.box("Steps")).to_have_value("3")
    other.page.reload()
    expect(other.box("Steps")).to_have_value("3")
    expect(other.box("Seed")).to_have_value("42")
    # Another link in the same page, and Back.
    other.page.evaluate("location.hash = '#denoise?checkpoint=photos&sigma_255=31&seed=3'")
    expect(other.button("Run")).to_be_visible()
    expect(other.box("Seed")).to_have_value("3")
    other.page.go_back()
    generate = other.page.get_by_role("tab", name="Generate", exact=True)
    expect(generate).to_have_attribute("aria-selected", "true")
    expect(other.box("Seed")).to_have_value("42")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("#generate?checkpoint=faces-64&num_steps=-1", "Steps must be between"),
        ("#generate?checkpoint=faces-64&image=/etc/passwd", "has no field"),
        ("#generate?" + "x" * 3000, "too long"),
    ],
)
def test_a_broken_link_is_one_sentence(visit, address, words):
    me = visit()
    me.open(address)
    expect(me.page.locator(".notice-error:visible")).to_contain_text(words)
    expect(me.button("Run")).to_be_enabled()
