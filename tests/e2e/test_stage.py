"""The stage in a real Chromium, on a page of its own: `stage_app.py`."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
pytestmark = pytest.mark.e2e
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# The machine may be busy; nothing here depends on how fast it is.
expect.set_options(timeout=60_000)
PHONE["device_scale_factor"] = 2


@pytest.fixture(scope="module")
def stage_url(tmp_path_factory, serving):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("stage") / "log.txt"
    uploads = str(tmp_path_factory.mktemp("uploads"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": uploads}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "stage_app.py"), str(port)],
            cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}/"
    try:
        serving(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def open_stage(browser, stage_url):
    """Opens the page; the `Restore` stage is given back. No error may be logged."""
    contexts, errors = [], []

    def opened(**options):
        given = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", **options}
        context = browser.new_context(**given)
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(stage_url)
        stage = page.locator("#stage-restore .stage-root")
        stage.wait_for()
        return stage

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    pixels = Image.radial_gradient("L").resize((400, 300))
    Image.merge("RGB", (pixels, pixels.rotate(180), pixels.transpose(0))).save(path)
    return path


def put(stage, path):
    """Put a picture on the stage; done when the server's answer is there."""
    stage.locator(".stage-file").set_input_files(path)
    image = stage.locator(".stage-after img")
    expect(image).to_have_attribute("src", re.compile("/file="))
    expect(stage.locator(".stage-progress")).to_be_hidden()


def do(stage, name):
    stage.locator(f"[data-do={name}]:visible").first.click()


def point(stage, x, y):
    """Where the picture's point (x, y), as shares of its size, is on the page."""
    box = stage.locator(".stage-after img").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(stage, *points):
    mouse = stage.page.mouse
    mouse.move(*point(stage, *points[0]))
    mouse.down()
    for at in points[1:]:
        mouse.move(*point(stage, *at), steps=5)
    mouse.up()


def heard(stage, **wanted):
    """What the server has heard, once it has heard what is `wanted`."""
    box = stage.page.locator("#heard textarea")
    for name, value in wanted.items():
        expect(box).to_have_value(re.compile(re.escape(f'"{name}": {json.dumps(value)}')))
    return json.loads(box.input_value())


def shown_share(stage):
    return float(re.search(r"[\d.]+", stage.locator(".stage-filled").inner_text())[0]) / 100


def mask_heard(stage, share, rel=0.05):
    """(width, height) of the mask that the server has, once it covers that share."""
    box = stage.page.locator("#heard textarea")
    for _ in range(300):
        value = json.loads(box.input_value() or "{}").get("mask")
        if (value[2] if value else 0) == pytest.approx(share, rel=rel, abs=1e-4):
            return tuple(value[:2]) if value else None
        stage.page.wait_for_timeout(100)
    pytest.fail(f"heard {value} where {share} of the picture was to be masked")


def run(stage):
    stage.page.get_by_role("button", name="Run", exact=True).click()


def finished(stage):
    expect(stage).to_have_attribute("data-phase", "result")


def height(stage):
    return stage.locator(".stage-frame").bounding_box()["height"]


def test_a_picture_is_uploaded_painted_and_restored(open_stage, photo):
    stage = open_stage()
    empty = height(stage)
    expect(stage.locator(".stage-words")).to_have_text("Put a picture here.")
    put(stage, photo)
    drag(stage, (0.3, 0.5), (0.7, 0.5))
    # A line of 160 pixels and two half discs, 25 pixels wide.
    share = (160 * 25 + 3.1416 * 12.5**2) / (400 * 300)
    assert mask_heard(stage, share) == (400, 300)
    assert shown_share(stage) == pytest.approx(share, abs=0.002)
    stage.page.get_by_label("Wait at step 10").check()
    run(stage)
    # Known without the server: the run has begun.
    expect(stage).to_have_attribute("data-phase", "run")
    expect(stage.locator(".stage-inset")).to_be_visible()
    expect(stage.locator(".stage-progress-words")).to_contain_text(
        "Step 11 of 20 · part 3 of 4 · about 10 s left"
    )
    expect(stage.page).to_have_title("53 % · stage")  # 10.5 of 20
    large = stage.locator(".stage-after img").get_attribute("src")
    stage.get_by_role("button", name="Swap the large and the small picture").click()
    expect(stage.locator(".stage-inset img")).to_have_attribute("src", large)
    assert height(stage) == empty
    stage.page.get_by_role("button", name="Go on").click()
    finished(stage)
    assert height(stage) == empty
    assert heard(stage)["upload"] == "photo.png" and mask_heard(stage, share) == (400, 300)
    assert stage.page.title() == "stage"
    do(stage, "paint")
    assert shown_share(stage) == pytest.approx(share, abs=0.002)


def test_the_mask_that_run_takes_is_the_one_on_the_stage(open_stage, photo):
    stage = open_stage()
    put(stage, photo)
    do(stage, "rectangle")
    drag(stage, (0.25, 0.25), (0.75, 0.75))
    run(stage)  # at once: the mask has not been sent yet
    finished(stage)
    assert mask_heard(stage, 0.25, rel=0.03) == (400, 300)


def test_tools(open_stage, photo):
    stage = open_stage()
    put(stage, photo)
    do(stage, "rectangle")
    drag(stage, (0.25, 0.25), (0.75, 0.75))
    mask_heard(stage, 0.25, rel=0.03)
    do(stage, "invert")
    mask_heard(stage, 0.75, rel=0.03)
    do(stage, "undo")
    mask_heard(stage, 0.25, rel=0.03)
    do(stage, "grow")  # by 3 pixels, a hundredth of the shorter side
    mask_heard(stage, 206 * 156 / 120_000, rel=0.02)
    do(stage, "shrink")
    mask_heard(stage, 200 * 150 / 120_000, rel=0.02)
    do(stage, "eraser")
    drag(stage, (0.2, 0.2), (0.5, 0.8))
    mask_heard(stage, 0.125, rel=0.03)
    stage.page.keyboard.press("Control+z")
    mask_heard(stage, 0.25, rel=0.03)
    stage.page.keyboard.press("Control+Shift+z")
    mask_heard(stage, 0.125, rel=0.03)
    do(stage, "clear")
    mask_heard(stage, 0)
    do(stage, "eraser")
    do(stage, "lasso")
    drag(stage, (0.1, 0.1), (0.9, 0.1), (0.1, 0.9))
    mask_heard(stage, 0.32, rel=0.03)


def test_the_brush_by_keys_and_wheel(open_stage, photo):
    stage = open_stage()
    put(stage, photo)
    size = stage.locator(".stage-size output")
    expect(size).to_have_text("25 px")
    stage.locator(".stage-view").focus()
    stage.page.keyboard.press("]")
    expect(size).to_have_text("30 px")
    stage.page.keyboard.press("[")
    expect(size).to_have_text("25 px")
    stage.page.mouse.move(*point(stage, 0.5, 0.5))
    stage.page.keyboard.down("Alt")
    stage.page.mouse.wheel(0, -100)
    stage.page.keyboard.up("Alt")
    expect(size).to_have_text("29 px")


def test_masks_from_the_server_and_from_a_file(open_stage, photo, tmp_path):
    stage = open_stage()
    put(stage, photo)
    stage.page.get_by_role("button", name="Left half").click()
    mask_heard(stage, 0.5)
    stage.page.locator("#stage-restore .stage-view").focus()
    stage.page.keyboard.press("Control+z")
    mask_heard(stage, 0)
    path = tmp_path / "mask.png"  # of another size: a quarter of the picture
    mask = Image.new("L", (80, 60))
    mask.paste(255, (0, 0, 40, 30))
    mask.save(path)
    stage.locator(".stage-mask-file").set_input_files(path)
    mask_heard(stage, 0.25)


def test_compare_layers_samples_and_steps(open_stage, photo):
    stage = open_stage()
    put(stage, photo)
    before = stage.locator(".stage-after img").get_attribute("src")
    run(stage)
    finished(stage)
    after = stage.locator(".stage-after img")
    result = after.get_attribute("src")
    do(stage, "slider")
    wipe = stage.get_by_role("slider", name="Border between before and after")
    wipe.focus()
    stage.page.keyboard.press("Home")
    expect(stage.locator(".stage-before")).to_have_css(
        "clip-path", re.compile(r"inset\(0px \d{3}")
    )
    box = stage.locator(".stage-view").bounding_box()
    stage.page.mouse.move(box["x"] + 2, box["y"] + 60)
    stage.page.mouse.down()
    stage.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60, steps=4)
    stage.page.mouse.up()
    assert float(wipe.input_value()) == pytest.approx(250, abs=5)
    do(stage, "side")
    left = stage.locator(".stage-before img").bounding_box()
    right = stage.locator(".stage-after img").bounding_box()
    assert left["x"] + left["width"] <= right["x"] + 1 and left["width"] == right["width"]
    do(stage, "single")
    hold = stage.locator("[data-do=hold]").bounding_box()
    stage.page.mouse.move(hold["x"] + 5, hold["y"] + 5)
    stage.page.mouse.down()
    expect(after).not_to_have_attribute("src", result)
    stage.page.mouse.up()
    expect(after).to_have_attribute("src", result)
    stage.get_by_label("Show").select_option("Noise removed")
    heard(stage, layer="noise")
    expect(after).not_to_have_attribute("src", result)
    stage.get_by_label("Show").select_option("Result")
    samples = stage.get_by_role("option", name=re.compile("Sample"))
    expect(samples).to_have_count(2)
    samples.nth(1).click()
    heard(stage, sample=1)
    expect(after).not_to_have_attribute("src", result)
    stage.page.keyboard.press("ArrowLeft")
    heard(stage, sample=0)
    expect(samples.nth(0)).to_be_focused()
    steps = stage.get_by_role("slider", name="Steps")
    steps.focus()
    stage.page.keyboard.press("ArrowLeft")
    heard(stage, step=18)
    expect(after).to_have_attribute("src", re.compile("^data:"))
    stage.page.keyboard.press("End")
    expect(after).to_have_attribute("src", result)
    assert before != result


def test_whole_factors_hundred_percent_and_fit(open_stage, tmp_path):
    stage = open_stage(device_scale_factor=2)
    path = tmp_path / "small.png"
    Image.radial_gradient("L").resize((32, 24)).convert("RGB").save(path)
    put(stage, path)
    image = stage.locator(".stage-after img")
    expect(image).to_have_css("image-rendering", "pixelated")
    factor = image.bounding_box()["width"] / 32 * 2
    assert factor == pytest.approx(round(factor)) and factor > 10
    do(stage, "hundred")
    assert image.bounding_box()["width"] == pytest.approx(16)
    do(stage, "zoom_in")
    assert image.bounding_box()["width"] == pytest.approx(32)
    do(stage, "fit")
    assert image.bounding_box()["width"] / 32 * 2 == pytest.approx(factor)


def test_the_wheel_is_the_pages_until_the_stage_is_asked(open_stage, photo):
    stage = open_stage(viewport={"width": 1000, "height": 560})
    put(stage, photo)
    page = stage.page
    percent = stage.locator(".stage-percent")
    fitted = percent.inner_text()
    page.mouse.move(*point(stage, 0.5, 0.5))
    page.mouse.wheel(0, 120)
    page.wait_for_function("scrollY > 0")
    expect(percent).to_have_text(fitted)
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    expect(percent).not_to_have_text(fitted)
    do(stage, "fit")
    page.evaluate("scrollTo(0, 0)")
    stage.locator(".stage-view").focus()
    page.mouse.move(*point(stage, 0.5, 0.5))
    page.mouse.wheel(0, -200)
    expect(percent).not_to_have_text(fitted)
    # Out again: at the end of the zoom the page scrolls on.
    for _ in range(30):
        page.mouse.wheel(0, 200)
        page.wait_for_timeout(20)
    page.wait_for_function("scrollY > 0")


def test_twelve_megapixels_keep_their_pixels_in_the_mask(open_stage, tmp_path):
    stage = open_stage()
    path = tmp_path / "phone.jpg"
    Image.radial_gradient("L").resize((4032, 3024)).convert("RGB").save(path, quality=80)
    put(stage, path)
    image = stage.locator(".stage-after img")
    expect(image).to_have_attribute("src", re.compile(r"screen\.jpg$"))
    do(stage, "rectangle")
    drag(stage, (0.5, 0.5), (0.75, 0.75))
    assert mask_heard(stage, 1 / 16, rel=0.02) == (4032, 3024)
    do(stage, "hundred")
    expect(image).to_have_attribute("src", re.compile(r"phone\.png$"))
    assert image.bounding_box()["width"] == pytest.approx(4032)


def test_a_run_that_ends_with_nothing_leaves_what_was_there(open_stage, photo):
    stage = open_stage()
    put(stage, photo)
    stage.page.evaluate("ddpmStage.begin('restore')")
    expect(stage).to_have_attribute("data-phase", "run")
    stage.page.get_by_role("button", name="Stop without a result").click()
    expect(stage).to_have_attribute("data-phase", "upload")
    expect(stage.locator(".stage-note")).to_have_text("Nothing came of it.")


def test_the_stage_survives_another_tab_and_another_language(open_stage, photo):
    stage = open_stage()
    page = stage.page
    put(stage, photo)
    do(stage, "rectangle")
    drag(stage, (0.25, 0.25), (0.75, 0.75))
    mask_heard(stage, 0.25, rel=0.03)
    page.get_by_role("tab", name="Generate").click()
    page.get_by_role("button", name="Generate").click()
    other = page.locator("#stage-generate .stage-root")
    finished(other)
    expect(other.get_by_role("option", name="Seed 3")).to_be_visible()
    steps = other.get_by_role("slider", name="Steps")
    steps.focus()
    page.keyboard.press("Home")
    expect(other.locator(".stage-steps output")).to_have_text("Step 0 of 9")
    expect(other.locator(".stage-after img")).to_have_attribute("src", re.compile("^data:"))
    page.get_by_role("tab", name="Restore").click()
    assert shown_share(stage) == pytest.approx(0.25, rel=0.03)
    page.evaluate("document.documentElement.lang = 'zh-CN'")
    expect(stage.locator("[data-do=fit]")).to_have_text("适应窗口")
    expect(stage.locator(".stage-filled")).to_contain_text("已涂")
    page.get_by_role("button", name="Run", exact=True).click()
    finished(stage)
    expect(stage.locator(".stage-layers option").nth(1)).to_have_text("去除的噪声")


def test_everything_by_keys(open_stage, photo):
    stage = open_stage(reduced_motion="reduce", color_scheme="dark")
    put(stage, photo)
    page = stage.page
    view = stage.locator(".stage-view")
    view.focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")
    assert shown_share(stage) > 0.008
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("1")
    expect(stage.locator(".stage-percent")).to_have_text("100 %")
    page.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")
    finished(stage)
    # From the view on, Tab comes by every control of the result.
    view.focus()
    passed = []
    for _ in range(24):
        page.keyboard.press("Tab")
        passed.append(
            page.evaluate(
                "(document.activeElement.dataset.do || document.activeElement.getAttribute('role')"
                " || document.activeElement.type || document.activeElement.tagName)"
            )
        )
    for name in ("fit", "hundred", "slider", "side", "hold", "select-one", "paint", "option"):
        assert name in passed, passed
    assert "range" in passed


@pytest.fixture
def touch():
    """Sends touches as Chromium gets them from a screen."""
    sessions = {}

    def send(page, kind, *points):
        if page not in sessions:
            sessions[page] = page.context.new_cdp_session(page)
        at = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        sessions[page].send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    return send


def test_a_phone_with_touch(open_stage, photo, touch):
    stage = open_stage(**PHONE)
    page = stage.page
    put(stage, photo)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    a, b = point(stage, 0.3, 0.5), point(stage, 0.7, 0.5)
    touch(page, "touchStart", a)
    for step in range(1, 6):
        touch(page, "touchMove", (a[0] + (b[0] - a[0]) * step / 5, a[1]))
    touch(page, "touchEnd")
    share = (160 * 25 + 3.1416 * 12.5**2) / (400 * 300)
    mask_heard(stage, share)
    percent = stage.locator(".stage-percent")
    fitted = int(percent.inner_text().split()[0])
    x, y = point(stage, 0.5, 0.5)
    touch(page, "touchStart", (x - 30, y))
    touch(page, "touchStart", (x - 30, y), (x + 30, y))
    for reach in (40, 60, 80, 90):
        touch(page, "touchMove", (x - reach, y), (x + reach, y))
    touch(page, "touchEnd")
    assert int(percent.inner_text().split()[0]) == pytest.approx(3 * fitted, rel=0.1)
    # Two fingers zoom, they do not paint.
    assert shown_share(stage) == pytest.approx(share, abs=0.002)
    run(stage)
    finished(stage)
    stage.get_by_role("option", name=re.compile("Sample")).nth(1).tap()
    heard(stage, sample=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
