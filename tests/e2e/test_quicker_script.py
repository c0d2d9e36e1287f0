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
