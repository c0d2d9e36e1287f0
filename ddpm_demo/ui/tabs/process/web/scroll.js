// The page that scrolls: which beat is read now, symbols that light up, panes that follow.
((story) => {
  const panes = new Map(), makers = {};
  let subject = null;
  story.lit = null;
  story.pane = (name, make) => { makers[name] = make; };

  // Called by each pane's component, before or after this script is there.
  story.mount = ({ name, element, props, watch }) => {
    if (name === "start") return start(element, props, watch);
    const host = element.querySelector(".story-host");
    const pane = { name, host, view: null, data: parsed(props.value) };
    panes.set(name, pane);
    watch("value", () => {
      pane.data = parsed(props.value);
      build(pane);
    });
    build(pane);
  };
  const parsed = (value) => {
    try { return JSON.parse(value || "null"); } catch (error) { return null; }
  };

  function build(pane) {
    if (!makers[pane.name] || !Object.keys(story.texts).length) return;
    const state = pane.view?.state;
    pane.view?.end?.();
    pane.host.replaceChildren();
    pane.view = makers[pane.name](pane.host, pane.data, state);
    if (subject) pane.view.subject?.(subject);
    followSoon();
  }

  function start(element, props, watch) {
    story.root = element.closest(".story") ?? element.parentElement;
    const read = () => {
      const value = parsed(props.value);
      if (!value) return;
      story.root.classList.toggle("waiting", !value.subject && !subject);
      const isNewText = value.language !== story.language;
      story.texts = value.texts ?? story.texts;
      story.language = value.language;
      if (value.subject) {
        const { side, channels, seed } = value.subject;
        subject = {
          side, channels, seed,
          schedule: new story.Schedule(story.decode(value.subject.betas, Float64Array)),
          x0: story.decode(value.subject.x0, Float32Array),
          eps: story.decode(value.subject.eps, Float32Array),
        };
      }
      if (isNewText) for (const pane of panes.values()) build(pane);
      else if (value.subject) for (const pane of panes.values()) pane.view?.subject?.(subject);
      followSoon();
    };
    watch("value", read);
    read();
    watchScroll();
  }

  // --- what is read now

  // A beat that crosses this line is being read; on a phone the pane has the window's upper half.
  const readingLine = () => innerHeight * (innerWidth <= 760 ? 0.68 : 0.42);
  // Gradio gives a class to a component's frame and to what is inside.
  const beatsOf = (section) => [...section.querySelectorAll(".beat")].filter((node) => !node.parentElement.closest(".beat"));
  function follow() {
    if (!story.root?.isConnected || !story.root.offsetParent) return leave();
    const line = readingLine();
    for (const section of story.root.querySelectorAll(".story-section")) {
      const box = section.getBoundingClientRect();
      const isNear = box.bottom > 0 && box.top < innerHeight;
      section.classList.toggle("near", isNear);
      if (!isNear) continue;
      const beats = beatsOf(section);
      let current = 0;
      beats.forEach((beat, index) => {
        if (beat.getBoundingClientRect().top <= line) current = index;
      });
      beats.forEach((beat, index) => beat.classList.toggle("current", index === current));
      section.dataset.beat = current;
      // Who reads on with the arrow keys takes the focus along: Tab then goes on from here.
      const held = beats.indexOf(document.activeElement);
      if (held >= 0 && held !== current) focusOn(beats[current]);
      const place = beats[current]?.getBoundingClientRect();
      const within = place ? Math.min(1, Math.max(0, (line - place.top) / Math.max(1, place.height))) : 0;
      const name = section.dataset.section ?? [...section.classList].find((c) => c.startsWith("section-"))?.slice(8);
      panes.get(name)?.view?.follow?.(current, within, (current + within) / Math.max(1, beats.length));
      if (box.top <= line && box.bottom > line) mark(name);
    }
  }
  const followSoon = story.everyFrame(follow);
  function leave() {
    for (const pane of panes.values()) pane.view?.leave?.();
  }
  function mark(name) {
    for (const link of story.root.querySelectorAll(".story-nav a")) {
      if (link.dataset.to === name) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
  let watching = false;
  function watchScroll() {
    const seen = new IntersectionObserver((entries) => {
      if (entries.some((entry) => !entry.isIntersecting)) followSoon();
    });
    seen.observe(story.root);
    markSymbols();
    if (watching) return;
    watching = true;
    addEventListener("scroll", followSoon, { passive: true, capture: true });
    addEventListener("resize", followSoon);
    document.addEventListener("visibilitychange", () => document.hidden && leave());
    for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, touched);
    document.addEventListener("pointerout", ({ target }) => inStory(target) && light(null));
    document.addEventListener("click", jump);
    const changes = new MutationObserver(story.everyFrame(markSymbols));
    changes.observe(document.body, { childList: true, subtree: true });
    new MutationObserver(() => redrawAll()).observe(document.body, { attributeFilter: ["class"] });
  }
  const redrawAll = story.everyFrame(() => {
    for (const pane of panes.values()) pane.view?.redraw?.();
  });

  // --- symbols

  const inStory = (target) => target instanceof Element && story.root?.contains(target);
  function touched({ target, type }) {
    if (!inStory(target)) return;
    const holder = target.closest("[data-sym]");
    if (holder) light(holder.dataset.sym);
    else if (type === "click") light(null);
  }
  function light(symbol) {
    if (story.lit === symbol) return;
    story.lit = symbol;
    for (const node of story.root.querySelectorAll("[data-sym]")) {
      node.classList.toggle("lit", node.dataset.sym === symbol);
    }
    redrawAll();
  }
  // KaTeX leaves the colours of symbols as styles: they tell which symbol a span is.
  function markSymbols() {
    if (!story.root) return;
    for (const node of story.root.querySelectorAll('.katex-html [style*="color"]:not([data-sym])')) {
      const found = story.symbolOf?.[hex(node.style.color)];
      if (found) node.dataset.sym = found;
    }
    for (const node of document.querySelectorAll(".story .katex-html")) node.setAttribute("aria-hidden", "true");
  }
  const hex = (rgb) => {
    const parts = rgb.match(/\d+/g);
    return parts ? `#${parts.slice(0, 3).map((n) => Number(n).toString(16).padStart(2, "0")).join("")}` : rgb;
  };

  function jump(event) {
    if (!(event.target instanceof Element)) return;
    const link = event.target.closest(".story-nav a, a[data-tab], .story .beat a[href^='#']");
    if (!link) return;
    event.preventDefault();
    if (link.dataset.tab) return story.openTab(link.dataset.tab);
    if (!link.dataset.to) return show(link.hash);
    const goal = story.root.querySelector(`.section-${link.dataset.to}`);
    goal?.scrollIntoView({ behavior: story.isCalm() ? "auto" : "smooth", block: "start" });
    focusOn(goal?.querySelector(".beat"));
  }
  function focusOn(beat) {
    beat?.setAttribute("tabindex", "-1");
    beat?.focus({ preventScroll: true });
  }
  // "#generate?sampler=ddim&eta=0.5": the tab, and its controls as the box for recipes sets them.
  function show(address) {
    const [tab, asked] = address.slice(1).split("?");
    const fields = [...new URLSearchParams(asked)].map(([name, value]) => [name, /^[-.\d]+$/.test(value) ? Number(value) : value]);
    const recipe = JSON.stringify({ task: tab, ...Object.fromEntries(fields) });
    const box = document.querySelector(".restore input[type=file]");
    if (asked && box) {
      const files = new DataTransfer();
      files.items.add(new File([recipe], "recipe.json", { type: "application/json" }));
      box.files = files.files;
      box.dispatchEvent(new Event("change", { bubbles: true }));
    }
    story.openTab(tab);
  }
  story.openTab = (name) => {
    const tab = document.querySelector(`[role="tab"][data-tab-id="${name}"]`);
    tab?.click();
    scrollTo({ top: 0 });
  };

  // A value that the scroll moves until somebody takes hold of it.
  story.scrubbed = (host, apply) => {
    let held = false;
    const back = story.button(story.say("follow"), () => {
      held = false;
      back.hidden = true;
      followSoon();
    }, "small");
    back.hidden = true;
    host.append(back);
    return {
      byScroll: (value) => held || apply(value),
      byHand: () => {
        held = true;
        back.hidden = false;
      },
      get held() { return held; },
    };
  };

  story.view = (name) => panes.get(name)?.view;

  story.begin = () => {
    for (const waiting of globalThis.ddpmStoryQueue ?? []) story.mount(waiting);
    globalThis.ddpmStoryQueue = { push: (one) => story.mount(one) };
  };
})((globalThis.ddpmStory ??= {}));
