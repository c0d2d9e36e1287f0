// What the visitor does on a stage: buttons, keys, pointers, the wheel.

Object.assign(Stage.prototype, {
  listen() {
    const { root, pane } = this;
    root.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-do]");
      if (pressed) this.act(pressed.dataset.do, pressed);
      const sample = event.target.closest("[role=option]");
      if (sample) this.choose(Number(sample.dataset.index));
    });
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("keyup", (event) => {
      if (event.key.toLowerCase() === "b") this.hold(false);
    });
    const hold = this.at("[data-do=hold]");
    hold.addEventListener("pointerdown", () => this.hold(true));
    for (const name of ["pointerup", "pointerleave", "pointercancel", "blur"])
      hold.addEventListener(name, () => this.hold(false));
    hold.addEventListener("keydown", (event) => /^( |Enter)$/.test(event.key) && this.hold(true));
    hold.addEventListener("keyup", (event) => /^( |Enter)$/.test(event.key) && this.hold(false));
    hold.addEventListener("contextmenu", (event) => event.preventDefault());
    this.at(".stage-wipe").oninput = (event) => this.setWipe(event.target.value / 1000);
    this.at(".stage-layers select").onchange = (event) => {
      this.layer = event.target.value;
      this.forgetSteps();
      this.render();
      this.say("select", { layer: this.layer });
    };
    const steps = this.at(".stage-steps input");
    steps.oninput = () => this.goTo(Number(steps.value));
    this.at(".stage-size input").oninput = (event) => {
      const { painter } = this;
      painter.size = Math.max(1, Math.round(painter.largest ** (event.target.value / 1000)));
      this.renderPaint();
    };
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"])
      pane.addEventListener(name, (event) => this.pointer(event));
    pane.addEventListener("pointerleave", () => {
      this.painter.cursor = null;
      this.painter.draw();
    });
    pane.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    pane.addEventListener("dblclick", () => !this.painter.on && this.act(this.view.fitted ? "hundred" : "fit"));
  },

  act(name, pressed) {
    const { view, painter } = this;
    const tools = { brush: 1, rectangle: 1, lasso: 1 };
    if (name === "zoom_in") view.zoomStep(1);
    else if (name === "zoom_out") view.zoomStep(-1);
    else if (name === "fit") view.fit();
    else if (name === "hundred") view.zoomTo(1 / ratio());
    else if (["single", "slider", "side"].includes(name)) {
      this.mode = name;
      this.setPainting(false);
      this.render();
      view.fit();
    } else if (name === "swap") {
      this.swapped = !this.swapped;
      this.render();
    } else if (name === "choose") this.at(".stage-file").click();
    else if (name === "camera") this.camera();
    else if (name === "remove") this.remove();
    else if (name === "paint") this.setPainting(!painter.on);
    else if (tools[name]) painter.tool = name;
    else if (name === "eraser") painter.erase = !painter.erase;
    else if (["undo", "redo", "clear", "invert"].includes(name)) painter.change(name);
    else if (name === "grow" || name === "shrink") {
      const pixels = Math.max(1, Math.round(Math.min(view.width, view.height) / 100));
      painter.change("grow", name === "grow" ? pixels : -pixels);
    } else if (name === "mask_file") this.at(".stage-mask-file").click();
    else if (name === "keys") this.at(".stage-keys").showModal();
    else if (name === "close") pressed.closest("dialog").close();
    if (["undo", "redo"].includes(name)) this.maskChanged();
    this.layout();
    if (painter.mask) this.renderPaint();
  },

  async camera() {
    try {
      const dialog = this.at(".stage-camera");
      const file = await takePhotograph(dialog, dialog.querySelector("video"), this.at(".stage-shutter"));
      if (file) this.take(file);
    } catch (error) {
      this.note(words("no_camera"));
    }
  },

  setPainting(on) {
    const { painter, state } = this;
    const next = Boolean(on && painter.mask && state.picture && state.phase !== "run");
    if (painter.on === next) return;
    if (painter.stroke) painter.end();
    painter.on = next;
    this.render();
  },

  choose(index, focus = false) {
    const count = (this.state.samples || []).length;
    const { is_path } = this.state; // its layers are of all samples, a place on it is of one
    const shown = index === this.chosen && this.layer !== "sheet" && !(is_path && this.layer);
    if (this.state.phase !== "result" || index < 0 || index >= count || shown) return;
    this.chosen = index;
    if (this.layer === "sheet" || is_path) this.layer = "";
    this.forgetSteps();
    this.render();
    const one = this.at(".stage-strip").children[index];
    one.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focus) one.focus();
    this.aloud(one.getAttribute("aria-label"));
    this.say("select", { sample: index, step: null, layer: this.layer });
  },

  // The steps' pictures are those of one sample, or of the sheet.
  forgetSteps() {
    const { state } = this;
    this.step = null;
    state.stepPictures = this.chosen === (state.chosen || 0) ? [...(state.steps || [])] : [];
    state.stepNoisy = [];
  },

  // A click on the sheet of all samples shows the one that was meant.
  chooseOnSheet(x, y) {
    const { state, view } = this;
    const [column, row] = [(x - view.x + this.shift) / view.scale, (y - view.y) / view.scale];
    if (this.layer !== "sheet" || !state.columns || column < 0 || row < 0) return;
    if (column >= view.width || row >= view.height) return;
    const side = view.width / state.columns;
    const rows = Math.ceil(state.samples.length / state.columns);
    this.choose(Math.floor(row / (view.height / rows)) * state.columns + Math.floor(column / side));
  },

  goTo(step) {
    if (this.state.is_path) return this.choose(step);
    const last = this.state.num_steps - 1;
    this.step = step >= last ? null : step;
    if (this.layer !== "sheet") this.layer = "";
    this.render();
    const here = this.step === null || (this.state.stepPictures || [])[this.step];
    clearTimeout(this.asking);
    this.said = { ...this.said, step: this.step };
    if (here) return this.say(null, {}, false);
    const told = { step: this.step, sample: this.chosen, layer: this.layer };
    this.asking = setTimeout(() => this.say("release", told), 60);
  },

  hold(on) {
    if (this.held === on || !(this.state.before || []).length) return;
    this.held = on;
    this.render();
  },

  setWipe(share) {
    this.wipe = Math.min(1, Math.max(0, share));
    const input = this.at(".stage-wipe");
    input.value = Math.round(this.wipe * 1000);
    input.setAttribute("aria-valuetext", `${Math.round(this.wipe * 100)} %`);
    this.layout();
  },

  key(event) {
    const { key, target } = event;
    const { painter, view } = this;
    if (target.closest("dialog")) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && key.toLowerCase() === "z" && painter.mask) {
      event.preventDefault();
      return this.act(event.shiftKey ? "redo" : "undo");
    }
    if (command || event.altKey) return;
    if (target.closest("[role=option]")) {
      const turn = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[key];
      const goal = turn ? this.chosen + turn : { Home: 0, End: this.state.samples.length - 1 }[key];
      if (goal === undefined) return;
      event.preventDefault();
      return this.choose(goal, true);
    }
    // In a list or slider, letters and arrows are that control's.
    if (/^(INPUT|SELECT)$/.test(target.tagName)) return;
    if (key.toLowerCase() === "b" && !painter.on) return event.repeat || this.hold(true);
    const acts = { "+": "zoom_in", "=": "zoom_in", "-": "zoom_out", 0: "fit", 1: "hundred", "?": "keys" };
    if (acts[key]) return event.preventDefault(), this.act(acts[key]);
    if (painter.on && key.toLowerCase() === "e") return this.act("eraser");
    if (painter.on && (key === "[" || key === "]")) {
      painter.resize(key === "]" ? 1.2 : 1 / 1.2);
      return this.renderPaint();
    }
    if (target !== this.pane) return;
    if (key === "Escape") return this.pane.blur();
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] || [0, 0];
    if (painter.on && (dx || dy || key === " " || key === "Enter")) {
      event.preventDefault();
      return this.keyPaint(dx, dy, event.shiftKey);
    }
    if (!dx && !dy) return;
    event.preventDefault();
    if (view.movable) return view.move(-dx * 60, -dy * 60), this.layout();
    this.choose(this.chosen + dx + dy);
  },

  // Arrows move the brush, with Shift it paints on the way; Space and Enter put one dab.
  keyPaint(dx, dy, paints) {
    const { painter, view } = this;
    const from = painter.cursor || [view.paneWidth / 2, view.paneHeight / 2];
    const stride = Math.max(2, (painter.size * view.scale) / 2);
    const to = [from[0] + dx * stride, from[1] + dy * stride];
    painter.cursor = [
      Math.min(view.paneWidth, Math.max(0, to[0])),
      Math.min(view.paneHeight, Math.max(0, to[1])),
    ];
    if (paints || (!dx && !dy)) {
      const { tool } = painter;
      painter.tool = "brush";
      painter.start(...from);
      painter.move(...painter.cursor);
      painter.end();
      painter.tool = tool;
    }
    painter.draw();
  },

  wheel(event) {
    const { painter, view } = this;
    if (painter.on && event.altKey) {
      event.preventDefault();
      painter.resize(event.deltaY < 0 ? 1.15 : 1 / 1.15);
      return this.renderPaint();
    }
    const active = document.activeElement === this.pane;
    if (!view.width || !(event.ctrlKey || event.metaKey || active)) return;
    // At either end the wheel is the page's again.
    const ends = event.deltaY < 0 ? view.scale >= view.most - 1e-6 : view.scale <= view.least + 1e-6;
    if (ends && !event.ctrlKey) return;
    event.preventDefault();
    const [x, y] = this.place(event);
    if (view.small) view.zoomStep(event.deltaY < 0 ? 1 : -1, x, y);
    else view.zoomTo(view.scale * Math.exp(-Math.max(-100, Math.min(100, event.deltaY)) / 300), x, y);
    this.layout();
  },

  // Where a pointer is in the pane that it is over: both panes of "side by side" show one place.
  place(event) {
    const box = this.pane.getBoundingClientRect();
    let x = event.clientX - box.left - this.pane.clientLeft;
    if (this.root.dataset.mode === "side" && x > box.width / 2) x -= box.width / 2;
    return [x, event.clientY - box.top - this.pane.clientTop];
  },

  pointer(event) {
    const { pointers, painter, view } = this;
    const [x, y] = this.place(event);
    const touch = event.pointerType === "touch";
    if (event.type === "pointerdown") {
      if (event.button > 1) return;
      this.pane.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, [x, y]);
      if (pointers.size === 2) {
        if (painter.stroke) painter.cancel();
        this.drag = null;
        return;
      }
      const wiping = this.root.dataset.mode === "slider" && Math.abs(x - this.wipe * view.paneWidth) < 18;
      if (painter.on && event.button === 0) painter.start(x, y);
      else this.drag = wiping ? "wipe" : "pan";
      this.pressed = [x, y];
      return;
    }
    const last = pointers.get(event.pointerId);
    if (event.type === "pointermove") {
      if (!last) {
        if (painter.on && !touch) painter.move(x, y);
        return;
      }
      if (pointers.size === 2) return this.pinch(event.pointerId, x, y);
      pointers.set(event.pointerId, [x, y]);
      if (painter.stroke) {
        const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
        for (const one of all.length ? all : [event]) painter.move(...this.place(one));
      } else if (this.drag === "wipe") this.setWipe(x / view.paneWidth);
      else if (this.drag === "pan" && view.movable) view.move(x - last[0], y - last[1]), this.layout();
      return;
    }
    pointers.delete(event.pointerId);
    const still = this.pressed && Math.hypot(x - this.pressed[0], y - this.pressed[1]) < 5;
    if (event.type === "pointerup" && this.drag === "pan" && still) this.chooseOnSheet(x, y);
    if (painter.stroke) painter.end();
    if (touch) painter.cursor = null;
    // Who moves the border has not asked for the wheel.
    if (this.drag === "wipe") this.pane.blur();
    if (!pointers.size) this.drag = null;
  },

  pinch(id, x, y) {
    const { pointers, view } = this;
    const [other] = [...pointers].filter(([one]) => one !== id).map(([, at]) => at);
    const [oldX, oldY] = pointers.get(id);
    const span = (ax, ay) => Math.hypot(ax - other[0], ay - other[1]) || 1;
    view.move((x - oldX) / 2, (y - oldY) / 2);
    view.zoomTo((view.scale * span(x, y)) / span(oldX, oldY), (x + other[0]) / 2, (y + other[1]) / 2);
    pointers.set(id, [x, y]);
    this.layout();
  },
});
