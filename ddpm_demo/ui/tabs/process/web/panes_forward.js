// Why and Forward: a picture on its way to noise, and the schedule behind it.
((story) => {
  const { el, slider, canvas, colour, plot, legend, picture, decimal, say } = story;

  // x_t of x_0 with the given noise, Ho et al. 2020, eq. 4. steps: noising steps, 0 to T.
  story.jump = (schedule, x0, eps, steps) => {
    const abar = schedule.abar(steps - 1), a = Math.sqrt(abar), b = Math.sqrt(1 - abar);
    return x0.map((value, i) => a * value + b * eps[i]);
  };

  // The chain of eq. 2 on a picture: every step by itself with its own draws. chain(t) is the state
  // after t steps; every tenth is kept, and chain.prepare() makes the next one that is not there
  // yet, so that they can be made while nobody waits. False when all are there.
  story.chainOf = (schedule, x0, seed) => {
    const every = 10, kept = [Float32Array.from(x0)];
    const advance = (x, from, to) => {
      const out = Float32Array.from(x);
      for (let t = from; t < to; t++) {
        const { normal } = story.random(seed * 1009 + t), beta = schedule.betas[t];
        const shrink = Math.sqrt(1 - beta), spread = Math.sqrt(beta);
        for (let i = 0; i < out.length; i++) out[i] = shrink * out[i] + spread * normal();
      }
      return out;
    };
    const prepare = () => {
      if (kept.length * every > schedule.T) return false;
      kept.push(advance(kept.at(-1), (kept.length - 1) * every, kept.length * every));
      return true;
    };
    const chain = (steps) => {
      const wanted = Math.floor(steps / every);
      while (kept.length <= wanted && prepare());
      const near = Math.min(wanted, kept.length - 1);
      return advance(kept[near], near * every, steps);
    };
    return Object.assign(chain, { prepare });
  };

  const BINS = 61, LIMIT = 4;
  story.histogram = (values) => {
    const density = new Float64Array(BINS), width = (2 * LIMIT) / BINS;
    for (const value of values) {
      density[Math.min(BINS - 1, Math.max(0, Math.floor((value + LIMIT) / width)))] += 1;
    }
    const centres = Float64Array.from({ length: BINS }, (_, k) => -LIMIT + (k + 0.5) * width);
    return {
      centres,
      density: density.map((count) => count / (values.length * width)),
      normal: centres.map((x) => Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI)),
    };
  };

  story.pane("why", (host, data, state = { t: 0 }) => {
    const shown = picture(say("pane_x_t"), "xt");
    const line = el("p", { class: "numbers" });
    const scene = el("div", { class: "story-scene" }, shown.node, line);
    const table = el("div", { class: "story-scene" });
    table.innerHTML = data?.table ?? "";
    const years = el("div", { class: "story-scene" });
    years.innerHTML = data?.years ?? "";
    host.append(scene, table, years);
    const scenes = [scene, table, years];
    let subject = null;
    const redraw = () => {
      if (!subject) return;
      const { schedule, x0, eps, channels, side } = subject;
      shown.set(story.jump(schedule, x0, eps, state.t), channels, side);
      line.textContent = say("why_numbers", { t: state.t, left: Math.round(100 * schedule.abar(state.t - 1)) });
    };
    const show = (index) => scenes.forEach((node, k) => { node.hidden = k !== index; });
    show(0);
    return {
      state,
      subject: (found) => { subject = found; redraw(); },
      redraw,
      follow: (beat, within) => {
        show([0, 1, 2, 0][Math.min(beat, 3)]);  // the symbols, too, have the picture beside them
        // There and back: the way to noise, then the way that is to be learned.
        const u = Math.min(1, Math.max(0, within)), T = subject?.schedule.T ?? 1000;
        const t = Math.round(T * (u < 0.5 ? 2 * u : 2 - 2 * u));
        if ((beat === 0 || beat === 3) && t !== state.t) { state.t = t; redraw(); }
      },
    };
  });

  story.pane("forward", (host, data, state = { t: 250 }) => {
    let subject = null, chain = null;
    const follow = story.scrubbed(host, (t) => { set(t); });
    const control = slider({
      label: say("t"), min: 0, max: 1000, value: state.t, sym: "t",
      input: story.everyFrame((t) => { follow.byHand(); set(t); }),
    });
    const jump = picture(say("closed_form"), "xt"), step = picture(say("chain"), "xt");
    const numbers = el("p", { class: "numbers" });
    const curves = canvas(140, drawCurves, say("curves_label"));
    const values = canvas(140, drawValues, say("histogram"));
    curves.node.classList.add("canvas-curves");
    values.node.classList.add("canvas-values");
    const strip = el("div", { class: "story-strip", role: "group", "aria-label": say("strip_label") });
    host.append(
      el("div", { class: "story-pair" }, jump.node, step.node), control.node, numbers,
      legend([["x0", "x₀"], ["xt", "xₜ"], ["eps", "ε"], ["abar", "ᾱₜ"], ["t", "t"]]),
      curves.node, values.node, strip,
    );
    function set(t) {
      state.t = t;
      control.set(t);
      redraw();
    }
    let xT = null;
    function redraw() {
      if (!subject) return;
      const { schedule, x0, eps, channels, side } = subject, t = Math.min(state.t, schedule.T);
      xT = story.jump(schedule, x0, eps, t);
      jump.set(xT, channels, side);
      step.set(chain(t), channels, side);
      const abar = schedule.abar(t - 1);
      numbers.textContent = say("numbers", {
        t, beta: t ? decimal(schedule.betas[t - 1]) : "0", abar: decimal(abar, 4),
        signal: decimal(Math.sqrt(abar)), noise: decimal(Math.sqrt(1 - abar)),
        snr: abar < 1 ? decimal(schedule.snr(t - 1)) : "∞",
      });
      curves.redraw();
      values.redraw();
    }
    function drawCurves(context, width, height) {
      if (!subject) return;
      const { schedule } = subject, x = story.linspace(0, schedule.T - 1, 120).map(Math.round);
      const third = width / 3;
      const panels = [
        [say("curve_beta"), x.map((t) => schedule.betas[t]), "beta", "beta"],
        [say("curve_abar"), x.map((t) => schedule.alphasCumprod[t]), "sym-abar", "abar"],
        [say("curve_snr"), x.map((t) => Math.max(-6, Math.log10(Math.max(schedule.snr(t), 1e-9)))), "sym-xt", "xt"],
      ];
      panels.forEach(([title, y, hue, sym], k) => {
        context.save();
        context.translate(k * third, 0);
        const low = Math.min(...y, 0), high = Math.max(...y);
        plot(context, third, height, {
          title, x: [0, schedule.T], y: [low, high], xTitle: "t",
          lines: [{ x: x.map((t) => t + 1), y, colour: hue === "beta" ? colour("strong") : colour(hue), sym }],
          marks: [{ x: state.t, colour: colour("sym-t"), sym: "t" }],
        });
        context.restore();
      });
    }
    function drawValues(context, width, height) {
      if (!xT) return;
      const { centres, density, normal } = story.histogram(xT);
      plot(context, width, height, {
        title: say("histogram"), x: [-4, 4], y: [0, Math.max(0.45, ...density)],
        lines: [
          { x: centres, y: density, colour: colour("sym-xt"), fill: true, sym: "xt" },
          { x: centres, y: normal, colour: colour("sym-eps"), dash: [5, 4], sym: "eps" },
        ],
      });
      context.font = "12px system-ui, sans-serif";
      context.textAlign = "right";
      context.fillStyle = colour("sym-xt");
      context.fillText(say("values_of_xt"), width - 14, 34);
      context.fillStyle = colour("sym-eps");
      context.fillText("N(0, 1)", width - 14, 50);
      context.textAlign = "left";
    }
    function makeStrip() {
      const { schedule, x0, eps, channels, side } = subject;
      strip.replaceChildren(...[0, 1, 2, 3, 4, 5, 6].map((k) => {
        const t = Math.round((k * schedule.T) / 6), shot = picture(`t = ${t}`, "xt");
        shot.set(story.jump(schedule, x0, eps, t), channels, side);
        return el("button", { type: "button", onclick: () => { follow.byHand(); set(t); } }, shot.node);
      }));
    }
    return {
      state, redraw,
      subject: (found) => {
        subject = found;
        const own = (chain = story.chainOf(found.schedule, found.x0, found.seed));
        const prepare = () => { if (chain === own && host.isConnected && own.prepare()) setTimeout(prepare, 0); };
        setTimeout(prepare, 0);
        control.range.max = found.schedule.T;
        redraw();
        makeStrip();
      },
      // One small step, then the whole way, then both ends of the signal-to-noise ratio.
      follow: (beat, within) => {
        const stops = [[0, 60], [60, 500], [500, 820], [820, 1000]][Math.min(beat, 3)];
        const t = Math.round(stops[0] + (stops[1] - stops[0]) * within);
        if (t !== state.t) follow.byScroll(t);
      },
    };
  });
})((globalThis.ddpmStory ??= {}));
