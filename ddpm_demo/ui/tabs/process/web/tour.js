// A short way through the app for a first visit: asked for, skippable at any step, remembered.
(() => {
  const KEY = "ddpm_demo.tour";
  const remembered = () => {
    try { return localStorage.getItem(KEY) === "done"; } catch (error) { return false; }
  };
  const remember = () => {
    try { localStorage.setItem(KEY, "done"); } catch (error) { /* private windows forget */ }
  };
  const make = (tag, className, text, click) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text) node.textContent = text;
    if (click) node.addEventListener("click", click);
    if (tag === "button") node.type = "button";
    return node;
  };
  const tabButton = (name) => document.querySelector(`[role="tab"][data-tab-id="${name}"]`);
  let words = {}, card = null, at = 0, before = null;

  function steps() {
    return (words.steps ?? []).filter(({ tab }) => tabButton(tab));
  }
  function mark(tab) {
    document.querySelectorAll(".tour-here").forEach((node) => node.classList.remove("tour-here"));
    if (tab) tabButton(tab)?.classList.add("tour-here");
  }
  function end() {
    remember();
    mark(null);
    card?.remove();
    card = null;
    document.removeEventListener("keydown", onKey, true);
    invite();
    before?.focus?.();
  }
  function onKey(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    end();
  }
  function go(index) {
    const all = steps();
    if (index >= all.length) return end();
    at = Math.max(0, index);
    const { tab, title, text } = all[at];
    tabButton(tab).click();
    scrollTo({ top: 0 });
    mark(tab);
    card.replaceChildren(
      make("h2", "", title),
      make("p", "", text),
      make("p", "tour-count", `${at + 1} / ${all.length}`),
    );
    const row = make("div", "tour-row");
    row.append(make("button", "tour-quiet", words.skip, end));
    if (at > 0) row.append(make("button", "", words.back, () => go(at - 1)));
    const next = make("button", "tour-next", at + 1 < all.length ? words.next : words.end, () => go(at + 1));
    row.append(next);
    card.append(row);
    next.focus({ preventScroll: true });
  }
  function start() {
    if (card) return;
    before = document.activeElement;
    card = make("section", "tour-card");
    card.setAttribute("role", "dialog");
    card.setAttribute("aria-label", words.title);
    document.querySelector(".gradio-container").append(card);
    document.addEventListener("keydown", onKey, true);
    go(0);
  }
  function invite() {
    for (const host of document.querySelectorAll(".tour-slot")) {
      const inside = host.querySelector(".tour-host");
      if (!inside) continue;
      const again = remembered();
      const row = make("p", "tour-invite");
      row.append(make("span", "", again ? "" : `${words.first} `), make("button", "tour-start", again ? words.again : words.start, start));
      if (!again) row.append(make("button", "tour-quiet", words.no, () => { remember(); invite(); }));
      inside.replaceChildren(row);
    }
  }
  globalThis.ddpmTour = {
    mount(element, props, watch) {
      const read = () => {
        try { words = JSON.parse(props.value); } catch (error) { return; }
        invite();
        if (card) go(at);
      };
      watch("value", read);
      read();
    },
    start,
  };
})();
