"""axe (axe-core, the file that axe-playwright-python holds) on every tab in both themes: nothing
above "minor" is ours. What is Gradio's own markup is named here by rule, with why it stays.
"""

from importlib import resources

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
GRAVE = ("moderate", "serious", "critical")
# rule: (selector of Gradio's own element, why we cannot mend it)
GRADIOS: dict[str, tuple[str, str]] = {
    "nested-interactive": (".toast-header", "a button in a button in Gradio's notices of its own"),
}
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, html }) => ({ id, impact, target: target.join(" "), html })));
}"""


@pytest.fixture(params=["light", "dark"])
def themed(browser, app_url, request):
    """The page in the theme that the system asks for, with axe in it."""
    context = browser.new_context(
        locale="en-GB", viewport={"width": 1440, "height": 900}, color_scheme=request.param
    )
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(app_url)
    page.get_by_role("button", name="Run", exact=True).wait_for()
    is_dark = page.evaluate("document.body.classList.contains('dark')")
    assert is_dark == (request.param == "dark")
    page.evaluate(AXE)
    yield page
    context.close()


def ours(page):
    """What axe finds above "minor", without what is listed as Gradio's."""
    found = []
    for one in page.evaluate(RUN):
        selector, _ = GRADIOS.get(one["id"], ("", ""))
        is_gradios = selector and page.locator(one["target"]).first.evaluate(
            "(node, selector) => Boolean(node.closest(selector))", selector
        )
        if one["impact"] in GRAVE and not is_gradios:
            found.append((one["id"], one["target"], one["html"][:200]))
    return found


def test_every_tab(themed):
    page = themed
    names = page.evaluate("window.ddpmTabs")
    assert len(names) >= 9
    found = {}
    for name in names:
        page.evaluate("(name) => (location.hash = name)", name)
        page.locator("[role=tabpanel]:visible").first.wait_for()
        page.wait_for_function(
            "(at) => document.querySelectorAll('.tabs > .tab-wrapper [role=tab]')[at]"
            ".getAttribute('aria-selected') === 'true'",
            arg=names.index(name),
        )
        # What is folded in counts, too.
        for fold in page.get_by_role("button", name="More settings").locator("visible=true").all():
            fold.click()
        found[name] = ours(page)
    assert not any(found.values()), found


def test_results_live_dialogs_and_errors(themed):
    page = themed
    page.get_by_label("Images", exact=True).fill("3")
    page.get_by_label("Steps", exact=True).locator("visible=true").fill("0")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".invalid").first).to_be_visible()
    found = {"error": ours(page)}
    page.get_by_label("Steps", exact=True).locator("visible=true").fill("2")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".status-line:visible")).to_contain_text("Done in", timeout=120_000)
    found["result"] = ours(page)
    page.locator(".stage-root:visible [data-do=keys]").click()
    found["keys"] = ours(page)
    page.locator("dialog[open] [data-do=close]").click()
    page.get_by_role("switch", name="Live").click()
    page.locator("[data-do=offer]").wait_for()
    found["live, refused"] = ours(page)
    page.get_by_label("Steps", exact=True).locator("visible=true").fill("")
    page.locator("[data-do=offer]").click()
    page.get_by_role("button", name="Keep", exact=True).click()
    found["live"] = ours(page)
    assert not any(found.values()), found
