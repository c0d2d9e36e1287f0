// Generation: a stored run of a real checkpoint, step by step, and the same noise in fewer steps.
((story) => {
  const { el, slider, say, canvas, colour, plot, legend } = story;

  // A picture of a sheet that holds `count` of them side by side.
  function frameOf(sheet, side, count, label, sym) {
    const node = el("div", { class: "story-frame", role: "img", "aria-label": label });
    node.style.backgroundImage = `url(${sheet})`;
    node.style.backgroundSize = `${count * 100}% 100%`;
    const set = (index) => { node.style.backgroundPositionX = `${(100 * index) / Math.max(1, count - 1)}%`; };
    set(0);
    return { node: el("figure", { class: "story-figure", "data-sym": sym }, node, el("figcaption", {}, label)), set };
  }

  story.pane("generation", (host, data, state = { index: 0, scene: 0 }) => {
    if (!data) return { state };
    const { film, few } = data, count = film.t.length;
    const follow = story.scrubbed(host, set);
    const noisy = frameOf(film.x_t, film.side, count, say("pane_x_t"), "xt");
    const guess = frameOf(film.x0_hat, film.side, count, say("pane_x0_hat"), "net");
    const line = el("p", { class: "numbers" });
    const control = slider({
      label: say("film_step"), min: 0, max: count - 1, value: state.index, sym: "t",
      shown: (k) => film.index[k], input: story.everyFrame((k) => { follow.byHand(); set(k); }),
    });
    const first = el("div", { class: "story-scene" }, el("div", { class: "story-pair" }, noisy.node, guess.node), control.node, line);
    const rows = few.rows.map((row) => el("tr", {}, el("th", { scope: "row" }, row.title),
      ...few.steps.map((steps, k) => {
        const shot = frameOf(row.sheet, few.side, few.steps.length, say("few_alt", { title: row.title, count: steps }));
        shot.set(k);
        return el("td", {}, shot.node);
      })));
    const second = el("div", { class: "story-scene" },
      el("table", { class: "story-table pictures" },
        el("thead", {}, el("tr", {}, el("th", {}, say("few_steps")), ...few.steps.map((n) => el("th", { scope: "col" }, String(n))))),
        el("tbody", {}, ...rows)),
      el("p", { class: "numbers" }, few.says));
    host.append(first, second);
    function set(index) {
      state.index = Math.max(0, Math.min(count - 1, Math.round(index)));
      control.set(state.index);
      noisy.set(state.index);
      guess.set(state.index);
      line.textContent = say("film_numbers", { index: film.index[state.index], total: film.total, t: film.t[state.index] + 1 });
    }
    const show = (index) => {
      state.scene = index;
      first.hidden = index !== 0;
      second.hidden = index !== 1;
    };
    show(state.scene);
    set(state.index);
    return {
      state,
      follow: (beat, within, whole) => {
        show(beat >= 1 && beat < 3 ? 1 : 0);
        if (beat === 0) follow.byScroll(within * (count - 1));
      },
    };
  });

  // What came of it: what a picture's size costs, and what a smaller latent space saves.
  story.pane("came", (host, data, state = { size: 512, factor: 8 }) => {
    if (!data) return { state };
    const sizes = data.cost.sizes;
    const line = el("p", { class: "numbers" });
    const cost = canvas(230, draw, say("cost_title"));
    const size = slider({ label: say("cost_size"), min: 6, max: 10, value: Math.log2(state.size), shown: (k) => `${2 ** k} × ${2 ** k}`,
      input: story.everyFrame((k) => { state.size = 2 ** k; redraw(); }) });
    const factor = slider({ label: say("cost_factor"), min: 0, max: 4, value: Math.log2(state.factor), shown: (k) => `1 / ${2 ** k}`,
      input: story.everyFrame((k) => { state.factor = 2 ** k; redraw(); }) });
    const years = el("div", {});
    years.innerHTML = data.years ?? "";
    host.append(el("div", { class: "story-scene" }, years), el("div", { class: "story-scene" }, cost.node, size.node, factor.node, line));
    const scenes = [...host.querySelectorAll(":scope > .story-scene")];
    // The network's own cost grows with the area; self-attention with its square.
    const flops = (side) => data.cost.conv * side ** 2 + data.cost.attention * side ** 4;
    function redraw() {
      cost.redraw();
      const inside = state.size / state.factor;
      line.textContent = say("cost_numbers", {
        size: state.size, latent: inside, pixel: story.decimal(flops(state.size) / 1e9, 3),
        small: story.decimal(flops(inside) / 1e9, 3), times: story.decimal(flops(state.size) / flops(inside), 3),
      });
    }
    function draw(context, width, height) {
      const x = story.linspace(3, 10, 60), y = x.map((k) => Math.log10(flops(2 ** k) / 1e9));
      const scale = plot(context, width, height, {
        title: say("cost_title"), xTitle: say("cost_x"), x: [3, 10], y: [Math.floor(y[0]), Math.ceil(y.at(-1))],
        lines: [{ x, y, colour: colour("sym-net"), sym: "net" }],
        marks: [{ x: Math.log2(state.size), colour: colour("sym-xt"), sym: "xt" }, { x: Math.log2(state.size / state.factor), colour: colour("sym-x0"), sym: "x0" }],
      });
      context.fillStyle = colour("strong");
      sizes.forEach((side, k) => {
        context.beginPath();
        context.arc(scale.toX(Math.log2(side)), scale.toY(Math.log10(data.cost.gflops[k])), 4, 0, 7);
        context.fill();
      });
    }
    const show = (index) => scenes.forEach((node, k) => { node.hidden = k !== index; });
    show(0);
    redraw();
    return { state, redraw, follow: (beat) => { show(beat >= 2 ? 1 : 0); redraw(); } };
  });
})((globalThis.ddpmStory ??= {}));
