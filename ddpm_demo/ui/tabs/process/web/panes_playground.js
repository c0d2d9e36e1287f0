// The playground: data as points, both processes exact and learned, in the browser.
((story) => {
  const { el, slider, choice, toggle, button, canvas, colour, plot, say } = story;
  const STD = 0.08, T = 1000, VIEW = 2.4, PARTICLES = 60, GRID = 15, CLOUD = 240;
  const NAMES = ["moons", "spiral", "blobs", "letters", "drawn"];

  const BEGIN = {
    data: "moons", drawn: [], t: 150, schedule: "cosine", sampler: "ddpm", steps: 20, eta: 0, updates: 5, stepSize: 1,
    withNoise: true, start: T, kind: "epsilon", show: "arrows", seed: 1, mode: "look",
  };

  story.pane("playground", (host, data, state = { ...BEGIN }) => {
    let points = null, schedule = null, exact = null, learned = null, history = [], worker = null, job = 0;
    let training = "idle", seconds = 0, step = 0, error = NaN, loss = NaN, playing = 0;
    const note = el("p", { class: "story-note", role: "status" });
    const exactView = canvas("auto", (c, w, h) => paint(c, w, h, exact), say("pg_exact"));
    const learnedView = canvas("auto", (c, w, h) => paint(c, w, h, learned), say("pg_learned"));
    const lossView = canvas(130, drawLoss, say("pg_loss"));
    const status = el("p", { class: "numbers" });
    const paths = new Map();

    // --- controls
    const redraw = () => { exactView.redraw(); learnedView.redraw(); };
    const redrawSoon = story.everyFrame(redraw);
    const changed = story.everyFrame(() => { paths.clear(); controlsFor(); redraw(); });
    const set = (name, then = changed) => (value) => { state[name] = value; then(); };
    const pick = choice({ label: say("pg_data"), value: state.data, change: (name) => { state.data = name; fresh(); },
      options: NAMES.map((name) => [name, say(`pg_${name}`)]) });
    const mode = button(say("pg_draw"), () => { state.data = "drawn"; state.drawn = []; pick.select.value = "drawn"; fresh(); }, "small");
    const time = slider({ label: say("t"), min: 0, max: T, value: state.t, sym: "t", input: set("t", redrawSoon) });
    const play = button(say("pg_play"), animate, "small");
    const show = choice({ label: say("pg_show"), value: state.show, change: set("show"),
      options: ["arrows", "paths", "both"].map((name) => [name, say(`pg_show_${name}`)]) });
    const sampler = choice({ label: say("pg_sampler"), value: state.sampler, change: set("sampler"),
      options: [["ddpm", "DDPM"], ["ddim", "DDIM"], ["dpmpp_2m", "DPM-Solver++ 2M"], ["langevin", say("pg_langevin")]] });
    const steps = slider({ label: say("pg_steps"), min: 1, max: 60, value: state.steps, input: set("steps") });
    const eta = slider({ label: "η", min: 0, max: 1, step: 0.05, value: state.eta, shown: (v) => v.toFixed(2), input: set("eta") });
    const updates = slider({ label: say("pg_updates"), min: 1, max: 10, value: state.updates, input: set("updates") });
    const stepSize = slider({ label: say("pg_step_size"), min: 0.1, max: 2, step: 0.1, value: state.stepSize, shown: (v) => v.toFixed(1), input: set("stepSize") });
    const fromT = slider({ label: say("pg_start"), min: 50, max: T, step: 10, value: state.start, sym: "t", input: set("start") });
    const noise = toggle({ label: say("pg_noise"), value: state.withNoise, change: set("withNoise") });
    const shape = choice({ label: say("pg_schedule"), value: state.schedule, change: (name) => { state.schedule = name; fresh(); },
      options: [["cosine", say("pg_cosine")], ["linear", say("pg_linear")], ["early", say("pg_early")]] });
    const kind = choice({ label: say("pg_kind"), value: state.kind, change: (name) => { state.kind = name; fresh(); },
      options: [["epsilon", "ε"], ["sample", "x₀"], ["v_prediction", "v"]] });
    const another = button(say("pg_seed"), () => { state.seed += 1; changed(); }, "small");
    const go = button("", () => (training === "training" ? pause() : train(5)), "primary");
    const longer = button(say("pg_longer"), () => train(Math.max(50, seconds * 9)));

    host.append(
      el("div", { class: "pg-top" }, pick.node, mode, shape.node, kind.node, go, longer),
      note,
      el("div", { class: "pg-body" },
        el("div", { class: "pg-left" },
          el("div", { class: "pg-views" },
            el("figure", { class: "story-figure" }, exactView.node, el("figcaption", { "data-sym": "x0" }, say("pg_exact"))),
            el("figure", { class: "story-figure" }, learnedView.node, el("figcaption", { "data-sym": "net" }, say("pg_learned")))),
          status, lossView.node),
        el("div", { class: "pg-controls" },
          el("div", { class: "pg-row" }, show.node, play), time.node, sampler.node, steps.node, eta.node, updates.node, stepSize.node, fromT.node,
          el("div", { class: "pg-row" }, noise.node, another))),
    );
    for (const view of [exactView, learnedView]) view.node.classList.add("pg-view");
    drawWithFinger(exactView.node);
    drawWithKeys(exactView.node);

    function controlsFor() {
      eta.node.hidden = state.sampler !== "ddim";
      updates.node.hidden = stepSize.node.hidden = state.sampler !== "langevin";
      noise.node.hidden = state.sampler !== "ddpm";
      go.textContent = say(training === "training" ? "pg_pause" : step ? "pg_resume" : "pg_train");
      longer.disabled = !step || training === "training";
      go.disabled = !points;
      host.classList.toggle("pg-drawing", state.data === "drawn");
      exactView.node.tabIndex = state.data === "drawn" ? 0 : -1;
    }

    // --- data
    function fresh() {
      end();
      const given = state.data === "drawn" ? state.drawn : data.points[state.data];
      const tidy = story.tidyPoints(given);
      points = tidy.points;
      note.textContent = tidy.note ? say(tidy.note, { count: (tidy.given ?? 0).toLocaleString() }) : "";
      if (state.data === "drawn" && !points) note.textContent = say("pg_draw_here");
      const betas = state.schedule === "early" ? story.makeBetas("linear").map((b) => b * 0.005) : story.makeBetas(state.schedule);
      schedule = new story.Schedule(betas);
      exact = points ? story.mixture(schedule, points, STD) : null;
      learned = null;
      [history, seconds, step, error, loss] = [[], 0, 0, NaN, NaN];
      say_status();
      changed();
      lossView.redraw();
    }
    function drawWithFinger(node) {
      let down = false;
      const place = (event) => {
        const box = node.getBoundingClientRect(), half = Math.min(box.width, box.height) / 2;
        return [((event.clientX - box.left - box.width / 2) / half) * VIEW, (-(event.clientY - box.top - box.height / 2) / half) * VIEW];
      };
      node.addEventListener("pointerdown", (event) => {
        if (state.data !== "drawn") return;
        down = true;
        node.setPointerCapture(event.pointerId);
        state.drawn.push(...place(event));
        redrawSoon();
      });
      node.addEventListener("pointermove", (event) => {
        if (!down) return;
        for (const one of event.getCoalescedEvents?.() ?? [event]) {
          const [x, y] = place(one);
          for (let k = 0; k < 3; k++) state.drawn.push(x + 0.1 * (Math.random() - 0.5), y + 0.1 * (Math.random() - 0.5));
        }
        redrawSoon();
      });
      const up = () => { if (down) { down = false; fresh(); } };
      node.addEventListener("pointerup", up);
      node.addEventListener("pointercancel", up);
    }

    // Arrows move a cross, the space bar sets points there.
    const cross = [0, 0];
    const isByKeys = () => state.data === "drawn" && document.activeElement === exactView.node;
    function drawWithKeys(node) {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      node.addEventListener("keydown", (event) => {
        if (state.data !== "drawn") return;
        const sets = event.key === " " || event.key === "Enter", move = moves[event.key];
        if (!sets && !move) return;
        event.preventDefault();
        if (move) move.forEach((by, d) => { cross[d] = Math.max(-VIEW, Math.min(VIEW, cross[d] + 0.1 * by)); });
        else for (let k = 0; k < 3; k++) state.drawn.push(cross[0] + 0.1 * (Math.random() - 0.5), cross[1] + 0.1 * (Math.random() - 0.5));
        if (sets) fresh();
        else redrawSoon();
      });
      for (const kind of ["focus", "blur"]) node.addEventListener(kind, () => redrawSoon());
    }

    // --- training
    function train(more) {
      if (!points) return;
      if (!worker) {
        job += 1;
        const source = new Blob([story.workerSource], { type: "text/javascript" });
        const address = URL.createObjectURL(source);
        worker = new Worker(address);
        URL.revokeObjectURL(address);
        worker.onmessage = ({ data: found }) => hear(found);
        worker.onerror = () => { training = "failed"; note.textContent = say("pg_no_worker"); end(); controlsFor(); };
        worker.postMessage({ do: "start", job, betas: [...schedule.betas], points, std: STD, kind: state.kind, rate: state.rate, seed: 1, until: more });
      } else worker.postMessage({ do: "go", until: seconds + more });
      training = "training";
      controlsFor();
    }
    function pause() {
      worker?.postMessage({ do: "pause" });
      training = "paused";
      controlsFor();
    }
    function hear(found) {
      if (found.job !== job) return;
      if (found.state === "diverged") {
        training = "diverged";
        note.textContent = say("pg_diverged", { step: found.step });
        end();
        controlsFor();
        return;
      }
      ({ step, loss, error, seconds } = found);
      if (training === "training" || found.state !== "training") training = found.state;
      learned = story.learned(schedule, found.weights, state.kind);
      history.push([seconds, loss, error]);
      if (history.length > 600) history = history.filter((_, k) => k % 2 === 0);
      paths.delete("learned");
      say_status();
      controlsFor();
      learnedView.redraw();
      lossView.redraw();
    }
    function end() {
      worker?.terminate();
      worker = null;
      if (training !== "diverged" && training !== "failed") training = "idle";
      step = 0;
    }
    function say_status() {
      status.textContent = step
        ? say("pg_status", { step: step.toLocaleString(), seconds: seconds.toFixed(0), loss: loss.toFixed(3), error: error.toFixed(3) })
        : say("pg_untrained");
    }

    // --- pictures
    function travel(predict, name) {
      if (paths.has(name)) return paths.get(name);
      const draw = story.random(1000 + state.seed), start = Math.min(state.start, T) - 1;
      const spacing = state.sampler === "langevin" ? "geometric" : "trailing";
      const times = story.makeTimesteps(schedule, state.steps, spacing, start);
      const options = { eta: state.eta, withNoise: state.withNoise, updates: state.updates, stepSize: state.stepSize };
      const found = story.samplers[state.sampler](schedule, predict, draw.normals(2 * PARTICLES), times, () => draw.normals(2 * PARTICLES), options);
      paths.set(name, found);
      return found;
    }
    function paint(context, width, height, predict) {
      const half = Math.min(width, height) / 2, toX = (x) => width / 2 + (x / VIEW) * half, toY = (y) => height / 2 - (y / VIEW) * half;
      context.fillStyle = colour("stage");
      context.fillRect(0, 0, width, height);
      const dot = (x, y, size) => { context.beginPath(); context.arc(toX(x), toY(y), size, 0, 7); context.fill(); };
      if (state.data === "drawn" && (!points || state.drawn.length !== (points.length))) {
        context.fillStyle = colour("sym-x0");
        for (let i = 0; i < state.drawn.length; i += 2) dot(state.drawn[i], state.drawn[i + 1], 1.5);
      }
      if (predict === exact && isByKeys()) {
        context.fillStyle = colour("strong");
        context.fillRect(toX(cross[0]) - 8, toY(cross[1]) - 1, 16, 2);
        context.fillRect(toX(cross[0]) - 1, toY(cross[1]) - 8, 2, 16);
      }
      if (!points || !schedule) {
        if (!predict) words(context, width, height, say(state.data === "drawn" ? "pg_draw_here" : "pg_untrained"));
        return;
      }
      if (!predict) return words(context, width, height, say("pg_untrained"));
      const isExact = predict === exact, t = state.t - 1, abar = schedule.abar(t), a = Math.sqrt(abar), b = Math.sqrt(1 - abar);
      if (state.show !== "paths") {
        const draw = story.random(11), count = points.length / 2;
        context.fillStyle = colour("sym-xt");
        context.globalAlpha = 0.45;
        for (let k = 0; k < CLOUD; k++) {
          const at = Math.floor((k * count) / CLOUD) % count, e = [draw.normal(), draw.normal(), draw.normal(), draw.normal()];
          dot(a * (points[2 * at] + STD * e[0]) + b * e[2], a * (points[2 * at + 1] + STD * e[1]) + b * e[3], 1.8);
        }
        context.globalAlpha = 1;
        if (t >= 0) arrows(context, predict, toX, toY, isExact ? colour("sym-x0") : colour("sym-net"), t, b);
      }
      if (state.show !== "arrows") {
        const states = travel(predict, isExact ? "exact" : "learned");
        context.strokeStyle = colour("sym-t");
        context.globalAlpha = 0.35;
        context.lineWidth = 1;
        for (let i = 0; i < PARTICLES; i++) {
          context.beginPath();
          for (const { x } of states) context.lineTo(toX(x[2 * i]), toY(x[2 * i + 1]));
          context.stroke();
        }
        context.globalAlpha = 1;
        context.fillStyle = isExact ? colour("sym-x0") : colour("sym-net");
        const last = states.at(-1).x;
        for (let i = 0; i < PARTICLES; i++) dot(last[2 * i], last[2 * i + 1], 3);
      }
    }
    // The score -eps / sigma-like: arrows point where the density of x_t grows.
    function arrows(context, predict, toX, toY, hue, t, b) {
      const places = new Float64Array(2 * GRID * GRID);
      for (let i = 0; i < GRID; i++) {
        for (let j = 0; j < GRID; j++) {
          places[2 * (i * GRID + j)] = VIEW * 0.92 * ((2 * i) / (GRID - 1) - 1);
          places[2 * (i * GRID + j) + 1] = VIEW * 0.92 * ((2 * j) / (GRID - 1) - 1);
        }
      }
      const { eps } = predict(places, t), unit = (VIEW * 2 * 0.92) / GRID;
      context.strokeStyle = hue;
      context.lineWidth = story.lit === "x0" || story.lit === "net" ? 2.2 : 1.3;
      for (let i = 0; i < places.length; i += 2) {
        const size = Math.hypot(eps[i], eps[i + 1]);
        if (!(size > 1e-9)) continue;
        const scale = (unit * 0.9 * Math.min(1, size / 1.5)) / size, dx = -eps[i] * scale, dy = -eps[i + 1] * scale;
        const [x0, y0, x1, y1] = [toX(places[i]), toY(places[i + 1]), toX(places[i] + dx), toY(places[i + 1] + dy)];
        const angle = Math.atan2(y1 - y0, x1 - x0), head = Math.min(5, Math.hypot(x1 - x0, y1 - y0) / 2);
        context.beginPath();
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
        context.lineTo(x1 - head * Math.cos(angle - 0.5), y1 - head * Math.sin(angle - 0.5));
        context.moveTo(x1, y1);
        context.lineTo(x1 - head * Math.cos(angle + 0.5), y1 - head * Math.sin(angle + 0.5));
        context.stroke();
      }
    }
    function words(context, width, height, line) {
      context.fillStyle = colour("quiet");
      context.font = "14px system-ui, sans-serif";
      context.textAlign = "center";
      wrap(context, line, width - 40).forEach((part, k) => context.fillText(part, width / 2, height / 2 + 20 * k));
      context.textAlign = "left";
    }
    function wrap(context, line, width) {
      const parts = [""];
      for (const word of line.match(/[^\s\u3000-\uffff]+\s?|[\u3000-\uffff]|\s/g) ?? []) {
        if (context.measureText(parts.at(-1) + word).width > width) parts.push("");
        parts[parts.length - 1] += word;
      }
      return parts;
    }
    function drawLoss(context, width, height) {
      if (history.length < 2) return words(context, width, height, say("pg_loss_hint"));
      const x = history.map((row) => row[0]), top = Math.max(0.6, ...history.slice(1).map((row) => Math.max(row[1], row[2])));
      plot(context, width, height, {
        title: say("pg_loss"), x: [0, Math.max(1, x.at(-1))], y: [0, Math.min(top, 1.6)],
        lines: [
          { x, y: history.map((row) => row[1]), colour: colour("sym-net"), sym: "net" },
          { x, y: history.map((row) => row[2]), colour: colour("sym-x0"), sym: "x0", dash: [5, 4] },
        ],
      });
    }
    function animate() {
      if (playing) return stop();
      if (state.show === "paths") { state.show = "both"; show.select.value = "both"; }
      const from = performance.now();
      const tick = (now) => {
        // The frame may have begun before the click.
        const u = Math.min(1, Math.max(0, now - from) / 4000);
        // Who wants little motion sees nine pictures one after the other.
        const t = Math.round(T * (story.isCalm() ? Math.floor(8 * u) / 8 : u));
        if (t !== state.t) { state.t = t; time.set(t); redraw(); }
        if (u < 1 && playing) playing = requestAnimationFrame(tick); else stop();
      };
      playing = requestAnimationFrame(tick);
      play.textContent = say("pg_stop");
    }
    function stop() {
      cancelAnimationFrame(playing);
      playing = 0;
      play.textContent = say("pg_play");
    }

    fresh();
    return {
      state, redraw: () => { redraw(); lossView.redraw(); },
      leave: () => { stop(); if (training === "training") pause(); },
      end: () => { stop(); end(); },
      follow: () => {},
      // For tests: what a person's points or a wild rate do.
      give: (flat) => { state.data = "drawn"; state.drawn = [...flat]; pick.select.value = "drawn"; fresh(); },
      wild: (rate) => { state.rate = rate; fresh(); train(5); },
      get training() { return training; },
      get working() { return worker !== null && training === "training"; },
      get note() { return note.textContent; },
    };
  });
})((globalThis.ddpmStory ??= {}));
