"""What ddpm_demo/ui/frontend.py puts into Gradio's script does what Gradio's own functions do."""

import re
from pathlib import Path

import gradio
import pytest

from ddpm_demo.ui.frontend import quick_script

pytestmark = pytest.mark.e2e

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
COMPARE = """([own, quick]) => {
  let state = 1;
  const random = (n) => (state = (state * 48271) % 2147483647) % n;
  const make = (source) => new Function(`${source.find};
    class Tree { ${source.attached} }
    return [${source.name}, new Tree];`)();
  const [[find, tree], [quick_find, quick_tree]] = [make(own), make(quick)];
  const nodes = [];
  const node = (depth) => {
    // Few numbers, so that some come twice and some never.
    const one = { id: random(40), props: { shared_props: {} }, children: [] };
    nodes.push(one);
    if (!random(9)) delete one.children;
    else for (let k = random(4); depth && k--; ) one.children.push(node(depth - 1));
    return one;
  };
  const root = { ...node(0), id: 99, children: [node(4), node(4), node(5)] };
  const same = [];
  for (let id = -1; id < 101; id++) same.push(find(root, id) === quick_find(root, id));
  const events = ["click", "change", null, "then", ""];
  const dependencies = [...Array(60)].map(() => ({
    targets: [...Array(random(4))].map(() => [random(8) ? random(40) : null, events[random(5)]]),
  }));
  for (const list of [dependencies, dependencies.slice(30)])
    for (const one of nodes) {
      tree.find_attached_events(one, list);
      const told = () => JSON.stringify(one.props.shared_props.attached_events);
      const expected = told();
      same.push(quick_tree.find_attached_events(one, list) === one && told() === expected);
    }
  return same;
}"""


def functions(script):
    """{"find", "attached", "name"} of a script: what is compared."""
    found = re.search(
        r"(?:var ddpm_trees=new WeakMap;)?function (\w+)\((\w+),(\w+)\)\{"
        r"(?:if\(\2\.id===\3\)return \2;if\(\2\.children\).*?return null\}"
        r"|let known=ddpm_trees.*?\?\?null\})",
        script,
    )
    start = re.search(r"find_attached_events\(\w+,\w+\)\{", script).start()
    end = script.index("traverse(", start)
    return {"find": found[0], "name": found[1], "attached": script[start:end]}


def test_both_give_the_same(browser):
    (path,) = [p for p in ASSETS.glob("core-*.js") if "find_attached_events(" in p.read_text()]
    own, quick = (
        functions(script) for script in (path.read_text("utf-8"), quick_script(path.name).decode())
    )
    assert own["find"] != quick["find"] and own["attached"] != quick["attached"]
    page = browser.new_page()
    same = page.evaluate(COMPARE, [own, quick])
    page.close()
    assert len(same) > 150 and all(same)


STATUSES = """([own, quick]) => {
  let state = 7;
  const random = (n) => (state = (state * 48271) % 2147483647) % n;
  const make = (source) => new (new Function(`return ${source}`)())();
  const both = [make(own), make(quick)];
  for (const one of both)
    for (let fn = 0; fn < 6; fn++) one.register(fn, [fn, fn + 1], [6 - fn], "hidden");
  const kinds = ["pending", "generating", "complete", "error"];
  const same = [];
  performance.now = () => 0;
  for (let k = 0; k < 300; k++) {
    const [fn_index, status] = [random(6), kinds[random(4)]];
    const message = { fn_index, status, queue: true, eta: random(3) || null };
    if (!random(5)) Object.assign(message, { used_cache: "full", cache_duration: 2, avg_time: 3 });
    both.forEach((one) => one.update(message));
    same.push(JSON.stringify(both[0].current) === JSON.stringify(both[1].current));
  }
  return same;
}"""
NEWS = """async (source) => {
  const heard = [];
  const page = new (new Function(`return class { async ${source} }`)())();
  page.loading_stati = { current: { 3: { status: "pending" }, 5: { status: "complete" } } };
  page.update_state_cb = async (id, told) => heard.push([id, told.loading_status.status]);
  await page.update_loading_stati_state();
  await page.update_loading_stati_state();
  page.loading_stati.current[3] = { status: "complete" };
  page.loading_stati.current[8] = { status: "pending" };
  await page.update_loading_stati_state();
  return heard;
}"""


def test_statuses_are_those_that_gradio_has(browser):
    page = browser.new_page()
    sources = [
        re.search(r"class\{current=\{\};fn_outputs.*?!==`skip`\)\}\}", script, re.S)[0]
        for script in scripts("statustracker")
    ]
    assert sources[0] != sources[1]
    same = page.evaluate(STATUSES, sources)
    assert len(same) == 300 and all(same)


def test_each_status_is_told_once(browser):
    _, quick = scripts("Blocks")
    start = quick.index("update_loading_stati_state(){")
    source = quick[start : quick.index("dispatch_state_change_events(", start)]
    heard = browser.new_page().evaluate(NEWS, source)
    assert heard == [[3, "pending"], [5, "complete"], [3, "complete"], [8, "pending"]]


def scripts(kind):
    """(Gradio's own script of that kind, ours)."""
    for path in ASSETS.glob(f"{kind}-*.js"):
        quick = quick_script(path.name)
        if quick is not None:
            return path.read_text(encoding="utf-8"), quick.decode()
    raise AssertionError(f"no {kind} that is known")
