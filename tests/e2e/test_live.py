"""Live in a real Chromium: drag, keep, vary, re-roll; stale places are never drawn; a run that has
the model is named; keys, touch, an ordinary checkpoint, the other language, a reload.
"""

import base64
import json
import re
import time

import pytest
from playwright.sync_api import expect

from ddpm_demo.pictures.png_recipe import read_recipe

pytestmark = pytest.mark.e2e

expect.set_options(timeout=120_000)

LIVE = "window.ddpmLive.lives.get('generate')"
SETTLED = (
    f"() => {{ const one = {LIVE}; return !one.wanted && !one.flying && Boolean(one.shown); }}"
)


@pytest.fixture
def live(page):
    """The page with Live on and the fast checkpoint taken from its offer."""
    page.get_by_role("switch", name="Live").click()
    note = page.locator(".live-note")
    expect(note).to_contain_text("Live needs a checkpoint made for 1 to 8 steps")
    page.locator("[data-do=offer]").click()
    page.wait_for_function(SETTLED)
    expect(note).to_be_hidden()
    return page


def settled(page):
    """The places on the stage, once they are the newest that were wanted."""
    page.wait_for_function(SETTLED)
    return page.evaluate(f"{LIVE}.shown.pictures")


def place_in(page, x, y):
    box = page.locator(".live-plane").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def requests_of(page):
    """(list of what is asked from now on, list of how many were under way at each)."""
    asked, under_way, now = [], [], set()

    def begun(request):
        if request.method == "POST" and '"pictures"' in (request.post_data or ""):
            asked.append(json.loads(request.post_data))
            now.add(request)
            under_way.append(len(now))

    page.on("request", begun)
    page.on("requestfinished", lambda request: now.discard(request))
    return asked, under_way


def test_drag_keep_vary_and_reroll(live, tmp_path):
    page = live
    asked, under_way = requests_of(page)
    page.mouse.move(*place_in(page, 0.5, 0.5))
    page.mouse.down()
    for step in range(40):
        page.mouse.move(*place_in(page, 0.5 + step / 100, 0.5 - step / 100))
    page.mouse.move(*place_in(page, 0.9, 0.2))
    page.mouse.up()
    (place,) = settled(page)
    # Only the newest place is drawn after the one under way, and one at a time.
    assert 1 <= len(asked) < 40 and max(under_way) == 1
    shares = {seed: weight for seed, weight in place}
    assert max(shares, key=shares.get) == 1 and len(shares) == 4  # the corner at the top right
    expect(page.get_by_role("slider", name="Place between four seeds")).to_have_attribute(
        "aria-valuetext", "90 % across, 20 % down"
    )

    page.get_by_role("button", name="Keep", exact=True).click()
    kept = page.locator(".live-kept [role=listitem]")
    expect(kept).to_have_count(1)
    data = kept.locator("img").get_attribute("src")
    file = tmp_path / "kept.png"
    file.write_bytes(base64.b64decode(data.partition(",")[2]))
    saved = read_recipe(file)
    assert [part.partition(":")[0] for part in saved["mix"]] == [str(s) for s, _ in place]

    page.get_by_role("button", name="Vary", exact=True).click()
    varied = settled(page)
    assert len(varied) == 12
    for one in varied:  # 40 % of fresh noise beside the four seeds
        assert len(one) == 5 and min(abs(w - 0.4) for _, w in one) < 1e-3
    slider = page.get_by_role("slider", name="Variation", exact=True).locator("visible=true")
    slider.fill("80")
    assert all(min(abs(w - 0.8) for _, w in one) < 1e-3 for one in settled(page))

    page.locator(".stage-strip [role=option]:visible").nth(4).click()
    page.get_by_role("button", name="Re-roll", exact=True).click()
    again = settled(page)
    pairs = enumerate(zip(varied, again, strict=True))
    changed = [k for k, (one, two) in pairs if seeds(one) != seeds(two)]
    assert changed == [4]
    assert page.evaluate(f"{LIVE}.stage.chosen") == 4

    # A file dropped on the page makes the same picture: its mix is among the settings.
    page.locator(".drop-anywhere input[type=file]").set_input_files(str(file))
    expect(page.get_by_text("All settings restored")).to_be_visible()
    page.get_by_role("button", name="More settings").locator("visible=true").click()
    expect(page.get_by_label("Mix of seeds")).to_have_value(" ".join(saved["mix"]))


def seeds(place):
    return sorted(seed for seed, _ in place)


def test_keys_and_what_was_kept_outlives_a_reload(live):
    page = live
    point = page.get_by_role("slider", name="Place between four seeds")
    point.focus()
    before = settled(page)
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert settled(page) != before
    expect(point).to_have_attribute("aria-valuetext", "60 % across, 30 % down")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.reload()
    page.get_by_role("button", name="Run", exact=True).wait_for()
    page.get_by_role("switch", name="Live").click()
    expect(page.locator(".live-kept [role=listitem]")).to_have_count(1)
    expect(point).to_have_attribute("aria-valuetext", "60 % across, 30 % down")
    page.get_by_role("button", name="No longer keep").click()
    expect(page.locator(".live-kept")).to_be_hidden()


def test_steps_set_for_another_checkpoint_do_not_stand_in_the_way_of_the_offered_one(page):
    steps = page.get_by_label("Steps", exact=True).locator("visible=true")
    steps.fill("30")
    page.get_by_role("switch", name="Live").click()
    page.locator("[data-do=offer]").click()
    settled(page)
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_enabled()
    expect(steps).to_have_value("")
    expect(page.locator(".live-note")).to_be_hidden()


def test_a_checkpoint_taken_while_a_picture_is_asked_for_is_drawn_with(page):
    """A field was changed, and the offer taken before the answer to that had come."""
    page.get_by_role("switch", name="Live").click()
    page.locator("[data-do=offer]").wait_for()
    held = []

    def hold(route):
        if not held and '"pictures"' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/run/predict", hold)
    page.get_by_label("Steps", exact=True).locator("visible=true").fill("2")
    page.keyboard.press("Tab")
    deadline = time.monotonic() + 60
    while not held and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    page.locator("[data-do=offer]").click()
    expect(page.get_by_label("Checkpoint", exact=True).first).to_have_value(
        re.compile("evaluations")
    )
    page.wait_for_timeout(500)  # what the page makes of the new checkpoint
    held[0].continue_()
    settled(page)
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_enabled()
    expect(page.locator(".live-note")).to_be_hidden()


def test_what_is_done_with_a_picture_waits_for_a_scene_that_comes_late(live):
    """The panel is answered first, the stage a moment later."""
    page, keep = live, live.get_by_role("button", name="Keep", exact=True)
    expect(keep).to_be_enabled()
    page.evaluate(f"{LIVE}.stage.starts(); {LIVE}.stage.render()")
    expect(keep).to_be_disabled()
    page.evaluate(f"{LIVE}.stage.state.live = {LIVE}.last.number")
    page.evaluate(f"{LIVE}.stage.state.phase = 'result'; {LIVE}.stage.render()")
    expect(keep).to_be_enabled()


def test_while_a_run_goes_on_live_says_so_and_can_be_cancelled(live):
    page = live
    page.evaluate(f"{LIVE}.stage.state.phase = 'run'")  # as if a run of one's own went on
    point = page.get_by_role("slider", name="Place between four seeds")
    point.press("ArrowLeft")
    note = page.locator(".live-note")
    expect(note).to_contain_text("Your run goes on")
    note.get_by_role("button", name="Cancel").click()
    expect(note).to_be_hidden()
    assert page.evaluate(f"{LIVE}.wanted") is None
    point.press("ArrowLeft")
    expect(note).to_contain_text("Your run goes on")
    point.press("Escape")
    expect(note).to_be_hidden()
    point.press("ArrowLeft")
    page.evaluate(f"{LIVE}.stage.state.phase = 'result'")
    settled(page)
    expect(note).to_be_hidden()


def test_touch_chinese_and_a_narrow_page(browser, app_url):
    context = browser.new_context(
        locale="zh-CN", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(app_url)
    page.get_by_role("switch", name="实时").click()
    expect(page.locator(".live-note")).to_contain_text("实时模式需要只用 1 到 8 步的模型")
    page.locator("[data-do=offer]").click()
    before = settled(page)
    page.locator(".live-plane").scroll_into_view_if_needed()
    page.touchscreen.tap(*place_in(page, 0.2, 0.8))
    assert settled(page) != before
    expect(page.get_by_role("slider", name="四个种子之间的位置")).to_have_attribute(
        "aria-valuetext", "横向 20 %，纵向 80 %"
    )
    # The stage and the plane are on one screen.
    stage = page.locator("#stage-generate .stage-frame").bounding_box()
    plane = page.locator(".live-plane").bounding_box()
    assert plane["y"] + plane["height"] - stage["y"] < 844
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
