// Reverse: the posterior of one value, and the step back when the picture is not known.
((story) => {
  const { el, slider, canvas, colour, plot, legend, decimal, say } = story;
  const bell = (x, mean, std) => Math.exp(-(((x - mean) / std) ** 2) / 2) / (std * Math.sqrt(2 * Math.PI));

  // q(x_{t-1} | x_0), q(x_t | x_{t-1}) as a function of x_{t-1}, and their product, normalised:
  // process/posterior.py. steps: t in noising steps, 2 to T.
  story.posteriorOf = (schedule, steps, x0, eps, places = 201) => {
    const t = steps - 1, abar = schedule.abar(t), before = schedule.abar(t - 1), beta = schedule.betas[t];
    const xT = Math.sqrt(abar) * x0 + Math.sqrt(1 - abar) * eps;
    const [c0, ct, variance] = schedule.posterior(t, t - 1);
    const mean = c0 * x0 + ct * xT, std = Math.sqrt(variance);
    const priorMean = Math.sqrt(before) * x0, priorStd = Math.sqrt(1 - before);
    const likMean = xT / Math.sqrt(1 - beta), likStd = Math.sqrt(beta / (1 - beta));
    // All three are to be seen: as wide as the posterior's neighbours, not as the widest of them.
    const low = Math.min(mean - 5 * std, Math.max(priorMean - 3.2 * priorStd, mean - 14 * std), Math.max(likMean - 3.2 * likStd, mean - 14 * std));
    const high = Math.max(mean + 5 * std, Math.min(priorMean + 3.2 * priorStd, mean + 14 * std), Math.min(likMean + 3.2 * likStd, mean + 14 * std));
    const x = story.linspace(low, high, places);
    return {
      x, xT, c0, ct, mean, std,
      prior: x.map((v) => bell(v, priorMean, priorStd)),
      likelihood: x.map((v) => bell(v, likMean, likStd)),
      posterior: x.map((v) => bell(v, mean, std)),
    };
  };

  // The true q(x_s | x_t) where the data are two values, -0.7 and 0.7: two bells or one.
  story.trueStepBack = (schedule, steps, stride, xT, places = 241) => {
    const t = steps - 1, s = Math.max(-1, t - stride), abar = schedule.abar(t);
    const [c0, ct, variance] = schedule.posterior(t, s), values = [-0.7, 0.7];
    const scores = values.map((v) => -((xT - Math.sqrt(abar) * v) ** 2) / (2 * (1 - abar)));
    const top = Math.max(...scores), raw = scores.map((score) => Math.exp(score - top));
    const weights = raw.map((w) => w / (raw[0] + raw[1])), means = values.map((v) => c0 * v + ct * xT);
    const mean = weights[0] * means[0] + weights[1] * means[1];
    const spread = Math.sqrt(weights.reduce((sum, w, k) => sum + w * (variance + (means[k] - mean) ** 2), 0));
    // What has no width at all (s = 0) is drawn with a little.
    const std = Math.max(Math.sqrt(variance), 0.05 * spread);
    const half = 4 * spread, x = story.linspace(mean - half, mean + half, places);
    return {
      x, mean, spread, weights,
      truth: x.map((v) => weights[0] * bell(v, means[0], std) + weights[1] * bell(v, means[1], std)),
      gaussian: x.map((v) => bell(v, mean, spread)),
    };
  };

  story.pane("reverse", (host, data, state = { t: 4, x0: 0.5, eps: 1.5, backT: 500, stride: 1, xT: 0.2, scene: 0 }) => {
    let subject = null;
    const follow = story.scrubbed(host, (stride) => { state.stride = stride; sliders.stride.set(stride); redraw(); });
    const byHand = (name) => story.everyFrame((value) => {
      follow.byHand();
      state[name] = value;
      redraw();
    });
    const two = (v) => v.toFixed(2).replace("-", "−");
    const sliders = {
      t: slider({ label: say("post_t"), min: 2, max: 1000, value: state.t, sym: "t", input: byHand("t") }),
      x0: slider({ label: say("post_x0"), min: -1, max: 1, step: 0.05, value: state.x0, sym: "x0", shown: two, input: byHand("x0") }),
      eps: slider({ label: say("post_eps"), min: -3, max: 3, step: 0.1, value: state.eps, sym: "eps", shown: two, input: byHand("eps") }),
      backT: slider({ label: say("back_t"), min: 2, max: 1000, value: state.backT, sym: "t", input: byHand("backT") }),
      stride: slider({ label: say("back_stride"), min: 1, max: 1000, value: state.stride, sym: "t", input: byHand("stride") }),
      xT: slider({ label: say("back_xt"), min: -2.5, max: 2.5, step: 0.05, value: state.xT, sym: "xt", shown: two, input: byHand("xT") }),
    };
    const known = canvas(230, drawKnown, say("posterior")), numbers = el("p", { class: "numbers" });
    const unknown = canvas(230, drawUnknown, say("back_title")), says = el("p", { class: "numbers" });
    const first = el("div", { class: "story-scene" },
      known.node, legend([["x0", "q(xₜ₋₁ | x₀)"], ["xt", "q(xₜ | xₜ₋₁)"], ["net", "q(xₜ₋₁ | xₜ, x₀)"]]), numbers,
      el("div", { class: "story-sliders" }, sliders.t.node, sliders.x0.node, sliders.eps.node));
    const second = el("div", { class: "story-scene" },
      unknown.node, legend([["xt", say("back_truth")], ["net", say("back_gaussian")]]), says,
      el("div", { class: "story-sliders" }, sliders.backT.node, sliders.stride.node, sliders.xT.node));
    const third = el("div", { class: "story-scene" });
    third.innerHTML = data?.one_step ?? "";
    host.append(first, second, third);
    const scenes = [first, second, third];
    function redraw() {
      known.redraw();
      unknown.redraw();
    }
    function drawKnown(context, width, height) {
      if (!subject) return;
      const steps = Math.min(Math.max(2, state.t), subject.schedule.T);
      const found = story.posteriorOf(subject.schedule, steps, state.x0, state.eps);
      const top = Math.max(...found.posterior, ...found.likelihood, ...found.prior);
      plot(context, width, height, {
        title: say("posterior"), xTitle: "xₜ₋₁", x: [found.x[0], found.x.at(-1)], y: [0, top * 1.05],
        lines: [
          { x: found.x, y: found.prior, colour: colour("sym-x0"), dash: [2, 3], sym: "x0" },
          { x: found.x, y: found.likelihood, colour: colour("sym-xt"), dash: [7, 4], sym: "xt" },
          { x: found.x, y: found.posterior, colour: colour("sym-net"), fill: true, sym: "net" },
        ],
      });
      numbers.textContent = say("posterior_numbers", {
        t: steps, x_t: decimal(found.xT), c_0: decimal(found.c0, 4), c_t: decimal(found.ct, 4),
        mean: decimal(found.mean, 4), std: decimal(found.std, 3),
      });
    }
    function drawUnknown(context, width, height) {
      if (!subject) return;
      const steps = Math.min(Math.max(2, state.backT), subject.schedule.T);
      const stride = Math.min(state.stride, steps);
      const found = story.trueStepBack(subject.schedule, steps, stride, state.xT);
      plot(context, width, height, {
        title: say("back_title"), xTitle: "xₛ", x: [found.x[0], found.x.at(-1)],
        y: [0, Math.max(...found.truth, ...found.gaussian) * 1.05],
        lines: [
          { x: found.x, y: found.truth, colour: colour("sym-xt"), fill: true, sym: "xt" },
          { x: found.x, y: found.gaussian, colour: colour("sym-net"), dash: [6, 4], sym: "net" },
        ],
      });
      says.textContent = say("back_numbers", {
        t: steps, s: steps - stride, low: Math.round(100 * found.weights[0]), high: Math.round(100 * found.weights[1]),
      });
    }
    const show = (index) => {
      if (state.scene === index && !scenes[index].hidden && scenes.filter((node) => !node.hidden).length === 1) return;
      state.scene = index;
      scenes.forEach((node, k) => { node.hidden = k !== index; });
      redraw();
    };
    show(state.scene);
    return {
      state, redraw,
      subject: (found) => {
        subject = found;
        for (const name of ["t", "backT"]) sliders[name].range.max = found.schedule.T;
        redraw();
      },
      follow: (beat, within) => {
        show([0, 1, 1, 2][Math.min(beat, 3)]);
        if (beat === 1) follow.byScroll(1);
        if (beat === 2) follow.byScroll(Math.max(1, Math.round(500 * within ** 2)));
      },
    };
  });
})((globalThis.ddpmStory ??= {}));
