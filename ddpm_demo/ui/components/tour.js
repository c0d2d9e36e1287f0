// A short way through the app for a first visit: asked for, skippable at any step.
(() => {
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
    mark(null);
    card?.remove();
    card = null;
    document.removeEventListener("keydown", onKey, true);
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
  function invite(element) {
    element.querySelector(".tour-host").replaceChildren(make("button", "tour-start", words.start, start));
  }
  function dress(style) {
    if (document.getElementById("tour-style")) return;
    const sheet = document.createElement("style");
    sheet.id = "tour-style";
    sheet.textContent = style;
    document.head.append(sheet);
  }
  globalThis.ddpmTour = {
    mount(element, props, watch, style) {
      dress(style);
      const read = () => {
        try { words = JSON.parse(props.value); } catch (error) { return; }
        invite(element);
        if (card) go(at);
      };
      watch("value", read);
      read();
    },
    start,
  };
})();
