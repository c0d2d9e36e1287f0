// Training: one mixing of picture and noise, what the network may be asked for, what a mistake at
// each t weighs, and what the bundled networks' mistakes are.
((story) => {
  const { el, slider, canvas, colour, plot, legend, picture, decimal, say } = story;

  // Min-SNR weights (Hang et al. 2023), each in terms of its target's own mean square.
  const weightOf = (story.minSnrWeight = (kind, snr) => {
    const capped = Math.min(snr, 5);
    return kind === "eps" ? capped / snr : kind === "x0" ? capped : capped / (snr + 1);
  });

  story.pane("training", (host, data, state = { t: 300, scene: 0 }) => {
    let subject = null;
    const follow = story.scrubbed(host, (t) => { state.t = t; control.set(t); redraw(); });
    const control = slider({
      label: say("t"), min: 1, max: 1000, value: state.t, sym: "t",
      input: story.everyFrame((t) => { follow.byHand(); state.t = t; redraw(); }),
    });
    const shots = [["pane_x_0", "x0"], ["pane_drawn_eps", "eps"], ["pane_x_t", "xt"], ["pane_v", "net"]]
      .map(([key, sym]) => picture(say(key), sym));
    const mixed = el("p", { class: "numbers" });
    const weights = canvas(220, drawWeights, say("weights_title")), weightLine = el("p", { class: "numbers" });
    const losses = canvas(220, drawLosses, say("stored_losses"));
    const scenes = [
      el("div", { class: "story-scene" }, el("div", { class: "story-four" }, ...shots.map((shot) => shot.node)), mixed),
      el("div", { class: "story-scene" }, weights.node,
        legend([["eps", "ε"], ["x0", "x₀"], ["net", "v"]]), weightLine),
      el("div", { class: "story-scene" }, losses.node,
        legend([["eps", "ε"], ["x0", "x₀"], ["net", "v"]]), el("p", { class: "numbers" }, data?.losses?.says ?? "")),
    ];
    host.append(...scenes, control.node);
    function redraw() {
      if (!subject) return;
      const { schedule, x0, eps, channels, side } = subject, t = Math.min(state.t, schedule.T);
      const abar = schedule.abar(t - 1), a = Math.sqrt(abar), b = Math.sqrt(1 - abar);
      shots[0].set(x0, channels, side);
      shots[1].set(eps.map((e) => e / 2), channels, side);
      shots[2].set(story.jump(schedule, x0, eps, t), channels, side);
      shots[3].set(x0.map((value, i) => (a * eps[i] - b * value) / 2), channels, side);
      mixed.textContent = say("mixed_numbers", { t, a: decimal(a), b: decimal(b) });
      const snr = schedule.snr(t - 1);
      weightLine.textContent = say("weights_numbers", {
        t, eps: decimal(weightOf("eps", snr)), x0: decimal(weightOf("x0", snr)), v: decimal(weightOf("v", snr)),
      });
      weights.redraw();
      losses.redraw();
    }
    function drawWeights(context, width, height) {
      if (!subject) return;
      const { schedule } = subject, x = story.linspace(0, schedule.T - 1, 200).map(Math.round);
      const line = (kind, hue) => ({ x: x.map((t) => t + 1), y: x.map((t) => weightOf(kind, schedule.snr(t))), colour: colour(`sym-${hue}`), sym: hue });
      plot(context, width, height, {
        title: say("weights_title"), xTitle: "t", x: [0, schedule.T], y: [0, 5.2],
        lines: [line("eps", "eps"), line("x0", "x0"), line("v", "net")],
        marks: [{ x: state.t, colour: colour("sym-t"), sym: "t" }],
      });
    }
    function drawLosses(context, width, height) {
      const stored = data?.losses;
      if (!stored) return;
      const line = (name, hue) => ({ x: stored.t, y: stored[name].map((v) => Math.log10(v)), colour: colour(`sym-${hue}`), sym: hue });
      plot(context, width, height, {
        title: say("stored_losses"), xTitle: "t", x: [0, 1000], y: [-4.5, 0.5],
        lines: [line("eps", "eps"), line("x0", "x0"), line("v", "net")],
        marks: [{ x: state.t, colour: colour("sym-t"), sym: "t" }],
      });
    }
    const show = (index) => {
      if (scenes.filter((node) => !node.hidden).length === 1 && !scenes[index].hidden) return;
      state.scene = index;
      scenes.forEach((node, k) => { node.hidden = k !== index; });
      redraw();
    };
    show(state.scene);
    return {
      state, redraw,
      subject: (found) => { subject = found; control.range.max = found.schedule.T; redraw(); },
      follow: (beat, within) => {
        show([0, 0, 1, 2, 2][Math.min(beat, 4)]);
        follow.byScroll(Math.max(1, Math.round(1000 * (beat < 1 ? within : 1 - within))));
      },
    };
  });
})((globalThis.ddpmStory ??= {}));
