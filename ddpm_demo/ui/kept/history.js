// The history: one element, which stands on the tab that is open.

const language = () => (document.documentElement.lang in WORDS ? document.documentElement.lang : "en");
// The browser's own way to write the time, where it speaks the page's language.
const habits = () => (navigator.language.slice(0, 2) === language().slice(0, 2) ? [] : language());
const words = (key, given = {}) =>
  Object.entries(given).reduce((said, [name, value]) => said.replaceAll(`{${name}}`, value), WORDS[language()][key]);

const make = (tag, props = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children);
  return element;
};

class History {
  constructor() {
    this.results = [];
    this.chosen = null;
    this.picks = false; // the next one that is pressed is what the stage is compared with
    this.root = make("section", { className: "history" });
    this.head = make("div", { className: "history-head" });
    this.list = make("div", { className: "history-list" });
    this.list.setAttribute("role", "listbox");
    this.tools = make("div", { className: "history-tools" });
    this.until = make("p", { className: "history-until" });
    this.root.append(this.head, this.list, this.tools, this.until);
    this.list.addEventListener("click", (event) => this.press(event.target));
    this.list.addEventListener("keydown", (event) => this.key(event));
    for (const bar of [this.head, this.tools])
      bar.addEventListener("click", (event) => {
        const pressed = event.target.closest("[data-act]");
        if (pressed) this.act(pressed.dataset.act);
      });
    const follow = { attributes: true, attributeFilter: ["lang"] };
    new MutationObserver(() => this.render()).observe(document.documentElement, follow);
    this.render(); // hidden until there is a result: an empty list has nothing to say
  }

  told(results) {
    const ids = results.map((one) => one.id);
    // A new result stands on the stage, whatever was chosen before.
    const isNew = ids.length && !this.results.some((one) => one.id === ids[0]);
    if (isNew || !ids.includes(this.chosen)) this.chosen = null;
    this.results = results;
    this.render();
  }

  // Where the tab that is open wants it.
  stand() {
    const slots = Array.from(document.querySelectorAll(".kept-slot"));
    const slot = slots.find((one) => one.closest("[role=tabpanel]")?.offsetParent !== null);
    if (slot && this.root.parentElement !== slot) slot.replaceChildren(this.root);
  }

  render() {
    const { results, root } = this;
    root.hidden = !results.length;
    root.setAttribute("aria-label", words("title"));
    if (!results.length) return;
    const focused = this.list.contains(document.activeElement);
    this.head.replaceChildren(
      make("span", { textContent: words("title") }),
      tool("zip"),
      ...(KEEPS ? [tool("forget")] : []),
    );
    this.list.setAttribute("aria-label", words("title"));
    const active = Math.max(0, results.findIndex((one) => one.id === this.chosen));
    this.list.replaceChildren(...results.map((one, at) => this.item(one, at === active)));
    const chosen = results.find((one) => one.id === this.chosen);
    const acts = chosen ? ["reuse", "vary", ...(results.length > 1 ? ["compare"] : []), "delete"] : [];
    this.tools.replaceChildren(...acts.map((act) => tool(act)));
    this.tools.hidden = !acts.length;
    this.until.textContent = words(KEEPS ? "until_app" : "until_page");
    this.picks = this.picks && acts.includes("compare");
    if (this.picks) {
      const button = this.tools.querySelector("[data-act=compare]");
      button.setAttribute("aria-pressed", "true");
      button.textContent = words("compare_with");
    }
    if (focused) this.list.children[active].focus();
  }

  item(result, active) {
    const time = new Date(result.made).toLocaleTimeString(habits(), { hour: "2-digit", minute: "2-digit" });
    const title = result.title[language()];
    const label = words("item", { title, time, seed: result.seed, count: result.count });
    const image = make("img", { src: result.picture, alt: "" });
    const item = make("div", { className: "history-item", tabIndex: active ? 0 : -1, title: label }, image);
    item.append(make("span", { textContent: title }), make("span", { textContent: time }));
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(result.id === this.chosen));
    item.setAttribute("aria-label", label);
    item.dataset.id = result.id;
    return item;
  }

  press(target) {
    const item = target.closest(".history-item");
    if (!item) return;
    if (this.picks) return this.compare(item.dataset.id);
    this.chosen = item.dataset.id;
    this.render();
    this.act("show");
  }

  key(event) {
    const items = Array.from(this.list.children);
    const at = items.indexOf(document.activeElement);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return this.press(event.target);
    }
    if (event.key === "Escape" && this.picks) {
      event.stopPropagation();
      this.picks = false;
      return this.render();
    }
    if (event.key === "Delete" && at >= 0) {
      this.chosen = items[at].dataset.id;
      return this.act("delete");
    }
    const turn = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    const goal = turn ? at + turn : { Home: 0, End: items.length - 1 }[event.key];
    if (goal === undefined || !items[goal]) return;
    event.preventDefault();
    items.forEach((one, index) => (one.tabIndex = index === goal ? 0 : -1));
    items[goal].focus();
  }

  act(act) {
    if (act === "zip") return page.send("input", {});
    if (act === "forget") return this.forget();
    const result = this.results.find((one) => one.id === this.chosen);
    if (!result) return;
    if (act === "delete") return page.send("select", { order: "delete", id: result.id });
    if (act !== "compare") return onTab(result.tab, { act, id: result.id });
    this.picks = !this.picks;
    this.render();
  }

  compare(id) {
    const stage = openStage();
    this.picks = false;
    this.render();
    if (!stage) return;
    stage.mode = "slider";
    onTab(stage.name, { act: "compare", id, sample: stage.chosen });
  }

  forget() {
    if (!window.confirm(words("forget_sure"))) return;
    page.send("select", { order: "forget" });
    forgetAll();
    // The server has to hear of it before the page goes.
    setTimeout(() => location.reload(), 500);
  }
}

function tool(act) {
  const button = make("button", { type: "button", textContent: words(act), title: words(`${act}_help`) });
  button.dataset.act = act;
  return button;
}

// The stage of the open tab, where it shows a result.
function openStage() {
  const all = window.ddpmStage ? [...window.ddpmStage.stages.values()] : [];
  return all.find((one) => one.root.offsetParent !== null && one.state.samples);
}
