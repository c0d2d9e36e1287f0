// What is on the stage: from the state to the elements, always all of it.

Object.assign(Stage.prototype, {
  picturesNow() {
    const { state } = this;
    const of = (list) => list && list.length && (list[this.chosen] || list[0]);
    if (state.phase === "run") {
      const [shown, other] = this.swapped ? [state.x_t, state.x0_hat] : [state.x0_hat, state.x_t];
      return { after: shown || other || state.picture, inset: shown && other, old: !shown && !other };
    }
    if (this.painter.on) return { after: state.picture };
    if (state.phase === "result" && state.samples) {
      let after = state.samples[this.chosen];
      const layer = (state.layers || []).find((one) => one.name === this.layer);
      if (layer) after = of(layer.pictures);
      const stepped = this.step !== null && (state.stepPictures || [])[this.step];
      if (stepped) {
        const noisy = (state.stepNoisy || [])[this.step];
        const [shown, other] = this.swapped && noisy ? [noisy, stepped] : [stepped, noisy];
        return { after: shown, inset: other };
      }
      const before = this.layer === "sheet" ? null : of(state.before);
      return this.held && before ? { after: before } : { after, before };
    }
    return { after: state.phase === "upload" ? state.picture : null };
  },

  // A large picture's frames come reduced: they lie as large as the picture that is worked on.
  wholeOf(frame) {
    const whole = this.state.picture;
    if (!whole || whole.width <= frame.width) return null;
    return Math.abs((frame.width * whole.height) / (frame.height * whole.width) - 1) < 0.01 ? whole : null;
  },

  render() {
    const { state, root } = this;
    const { after, before, inset, old } = this.picturesNow();
    const running = state.phase === "run";
    root.dataset.phase = state.phase;
    root.dataset.mode = before ? this.mode : "single";
    root.classList.toggle("stage-old", Boolean(running && old && state.picture));
    const two = before && this.mode !== "single";
    this.at(".stage-before").hidden = !two;
    if (after) {
      // Before and after lie over each other at the result's size, whatever their own pixels are.
      this.view.sheet = Boolean(after.sheet); // small pictures side by side
      const large = running && this.wholeOf(after);
      this.view.picture((large || after).width, (large || after).height);
      this.size = [after.width, after.height];
    }
    this.showIn(".stage-after", after);
    this.showIn(".stage-before", two ? before : null);
    this.at(".stage-wipe").hidden = this.at(".stage-line").hidden = !(two && this.mode === "slider");
    root.querySelectorAll(".stage-tag").forEach((tag) => (tag.hidden = !two));
    const empty = !after;
    this.at(".stage-zoom").hidden = empty;
    this.at(".stage-empty").hidden = !empty || running;
    this.at(".stage-choose").hidden = !this.accepts;
    this.at("[data-do=camera]").hidden = !hasCamera();
    const moving = this.at(".stage-moving");
    moving.hidden = !state.moving;
    if (state.moving) setSource(moving, urlOf(state.moving));
    this.at(".stage-words").textContent =
      caption(state.words) || words(this.accepts ? "empty_picture" : "empty");
    const small = this.at(".stage-inset");
    small.hidden = !inset;
    if (inset) {
      setSource(small.querySelector("img"), urlOf(inset));
      small.querySelector("span").textContent = words(this.swapped ? "x0_hat" : "x_t");
    }
    this.renderProgress(running);
    this.at(".stage-compare").hidden = !(state.phase === "result" && (state.before || []).length);
    for (const mode of ["single", "slider", "side"])
      this.at(`[data-do=${mode}]`).setAttribute("aria-pressed", String(this.mode === mode));
    this.at("[data-do=hold]").setAttribute("aria-pressed", String(this.held));
    this.at(".stage-upload").hidden = !this.accepts || running || empty;
    this.renderLayers();
    this.renderStrip();
    this.renderSteps();
    this.renderPaint();
    this.pane.setAttribute("aria-label", this.describe(after, before));
    this.layout();
    document.dispatchEvent(new CustomEvent("ddpm:stage"));
  },

  describe(after, before) {
    const { state } = this;
    if (!after) return words("describe_empty");
    const given = { width: after.width, height: after.height, index: this.chosen + 1 };
    if (state.phase === "run") return words("describe_run", given);
    if (this.painter.on) return words("describe_paint", given);
    if (state.phase !== "result") return words("describe_upload", given);
    return `${caption((state.captions || [])[this.chosen])} ${words(before ? "describe_compare" : "describe_result", given)}`.trim();
  },

  showIn(selector, picture) {
    const image = this.at(`${selector} img`);
    image.hidden = !picture;
    if (picture && this.shownUrls.get(image) !== picture) {
      this.shownUrls.set(image, picture);
      setSource(image, urlOf(picture, true));
      image.dataset.whole = "";
    }
  },

  renderProgress(running) {
    const bar = this.at(".stage-progress");
    const told = this.state.progress || {};
    if (this.uploading) running = true;
    bar.hidden = !running;
    if (!running) return (document.title = this.title || document.title), (this.title = null);
    const parts = [];
    if (this.uploading) parts.push(this.uploading);
    else if (caption(told.words)) parts.push(caption(told.words));
    else if (told.step != null && (told.num_steps || told.num_tiles > 1)) {
      // What is told are steps and tiles that are done; said is what goes on.
      const at = Math.min(told.num_steps, told.step + (told.num_tiles > 0 ? 1 : 0));
      const tile = Math.min(told.num_tiles, told.tile + 1);
      if (told.num_steps) parts.push(words("step", { index: at, total: told.num_steps }));
      if (told.num_tiles > 1) parts.push(words("tile", { index: tile, total: told.num_tiles }));
    } else parts.push(words("starting"));
    if (told.seconds_left != null && !this.uploading) parts.push(timeLeft(told.seconds_left));
    this.at(".stage-progress-words").textContent = parts.join(" · ");
    const meter = this.at("[role=progressbar]");
    const known = told.share != null && !this.uploading;
    meter.classList.toggle("unknown", !known);
    if (known) meter.setAttribute("aria-valuenow", Math.round(told.share * 100));
    else meter.removeAttribute("aria-valuenow");
    meter.firstElementChild.style.width = known ? `${told.share * 100}%` : "";
    if (this.state.phase !== "run") return;
    this.title ??= document.title;
    document.title = known ? `${Math.round(told.share * 100)} % · ${this.title}` : `… ${this.title}`;
  },

  renderLayers() {
    const { state } = this;
    const group = this.at(".stage-layers");
    const layers = (state.phase === "result" && state.layers) || [];
    group.hidden = !layers.length;
    const options = [{ name: "", caption: words("result") }, ...layers];
    const select = group.querySelector("select");
    const wanted = JSON.stringify(options.map((one) => [one.name, caption(one.caption)]));
    if (select.dataset.wanted !== wanted) {
      select.dataset.wanted = wanted;
      select.replaceChildren(...options.map((one) => new Option(caption(one.caption), one.name)));
    }
    select.value = this.layer;
  },

  renderStrip() {
    const { state } = this;
    const strip = this.at(".stage-strip");
    const samples = (state.phase === "result" && state.samples) || [];
    strip.hidden = samples.length < 2;
    if (strip.hidden) return;
    if (this.stripOf !== samples) {
      this.stripOf = samples;
      strip.replaceChildren(
        ...samples.map((sample, index) => {
          const one = document.createElement("div");
          one.setAttribute("role", "option");
          one.id = `stage-${this.name}-sample-${index}`;
          one.dataset.index = index;
          const image = new Image();
          image.alt = "";
          image.decoding = "async";
          image.src = urlOf(sample, true);
          image.classList.toggle("stage-hard", Math.max(sample.width, sample.height) <= HARD_EDGE);
          one.append(image);
          return one;
        }),
      );
    }
    Array.from(strip.children).forEach((one, index) => {
      const here = index === this.chosen;
      one.setAttribute("aria-selected", String(here));
      one.tabIndex = here ? 0 : -1;
      const said = caption((state.captions || [])[index]);
      one.setAttribute("aria-label", said || words("sample", { index: index + 1, total: samples.length }));
      one.title = said;
    });
  },

  renderSteps() {
    const { state } = this;
    const group = this.at(".stage-steps");
    const steps = state.is_path ? (state.samples || []).length : state.num_steps || 0;
    const count = state.phase === "result" ? steps : 0;
    group.hidden = count < 2;
    group.querySelector("span").textContent = words(state.is_path ? "path" : "steps");
    const input = group.querySelector("input");
    input.max = Math.max(0, count - 1);
    input.value = state.is_path ? this.chosen : (this.step ?? count - 1);
    // The first of them is the start, before any step.
    let said = words("step", { index: Number(input.value), total: count - 1 });
    if (state.is_path) said = caption((state.captions || [])[this.chosen]) || said;
    input.setAttribute("aria-valuetext", said);
    group.querySelector("output").textContent = said;
  },

  renderPaint() {
    const { painter, state } = this;
    const able = Boolean(painter.mask && state.picture) && state.phase !== "run";
    this.at(".stage-mask").hidden = !able;
    const tools = this.at(".stage-tools");
    tools.inert = state.phase === "run";
    tools.hidden = tools.inert ? !this.toolsStay : !able || !painter.on;
    this.at("[data-do=paint]").setAttribute("aria-pressed", String(painter.on));
    painter.shown = state.phase === "upload" || this.root.classList.contains("stage-old");
    this.root.classList.toggle("stage-painting", painter.on);
    if (!painter.mask) return painter.draw();
    this.at(".stage-filled").textContent = words("filled", { share: shareOf(painter.mask.filled) });
    for (const tool of ["brush", "rectangle", "lasso"])
      this.at(`[data-do=${tool}]`).setAttribute("aria-pressed", String(painter.tool === tool));
    this.at("[data-do=eraser]").setAttribute("aria-pressed", String(painter.erase));
    this.at("[data-do=undo]").disabled = !painter.mask.undos.length;
    this.at("[data-do=redo]").disabled = !painter.mask.redos.length;
    const size = this.at(".stage-size input");
    size.value = (1000 * Math.log(painter.size)) / Math.log(painter.largest);
    size.setAttribute("aria-valuetext", `${painter.size} px`);
    this.at(".stage-size output").textContent = `${painter.size} px`;
    painter.draw();
  },

  // Where everything lies, after zooming, panning, or another size of the window.
  layout() {
    const { view, pane } = this;
    const [width, height] = [pane.clientWidth, pane.clientHeight];
    if (!width) return;
    const side = this.root.dataset.mode === "side";
    view.pane(side ? Math.floor(width / 2) - 1 : width, height);
    this.shift = this.aside();
    for (const selector of [".stage-after", ".stage-before"]) {
      const image = this.at(`${selector} img`);
      const { style } = image;
      style.width = `${view.width * view.scale}px`;
      style.height = `${view.height * view.scale}px`;
      style.transform = `translate(${view.x - this.shift}px, ${view.y}px)`;
      image.classList.toggle("stage-hard", view.hard);
      this.sharpen(image);
    }
    const cut = this.wipe * width;
    this.at(".stage-before").style.clipPath =
      this.root.dataset.mode === "slider" ? `inset(0 ${width - cut}px 0 0)` : "";
    this.at(".stage-line").style.left = `${cut}px`;
    this.at(".stage-percent").textContent = view.width ? `${view.percent} %` : "";
    const free = view.movable || this.painter.on;
    pane.classList.toggle("stage-movable", view.movable);
    pane.style.touchAction = free ? "none" : "pan-y";
    this.painter.draw();
  },

  // How far the picture stands aside for the inset, where there is room for both.
  aside() {
    const { view, pane } = this;
    const inset = this.at(".stage-inset");
    if (inset.hidden || !view.fitted) return 0;
    const free = pane.clientWidth - view.width * view.scale;
    const needed = inset.offsetWidth + 16;
    return free >= needed && free < 2 * needed ? needed - free / 2 : 0;
  },

  // Beyond what the smaller file shows, the whole one: when it is there, not before.
  sharpen(image) {
    const picture = this.shownUrls.get(image);
    if (!picture || !picture.small || image.hidden || image.dataset.whole) return;
    if (this.view.width * this.view.scale * ratio() <= 1.05 * SCREEN_EDGE_OF(picture)) return;
    image.dataset.whole = "coming";
    const whole = new Image();
    whole.src = urlOf(picture);
    whole.decode().then(
      () => this.shownUrls.get(image) === picture && setSource(image, whole.src),
      () => {  // the file of a large picture may still be on its way
        setTimeout(() => {
          if (this.shownUrls.get(image) !== picture) return;
          image.dataset.whole = "";
          if (image.isConnected) this.sharpen(image);
        }, AGAIN_MS);
      },
    );
  },
});

const AGAIN_MS = 2000;
const SCREEN_EDGE_OF = (picture) => (picture.width >= picture.height ? 1600 : (1600 * picture.width) / picture.height);
const shareOf = (share) => (share > 0 && share < 0.001 ? "< 0.1" : (share * 100).toFixed(share < 0.1 ? 1 : 0));

function urlOf(picture, screen = false) {
  if (picture.data) return picture.data;
  const file = (screen && picture.small) || picture.full;
  if (file.url) return file.url;
  const root = (window.gradio_config && window.gradio_config.root) || "";
  return `${root.replace(/\/$/, "")}/gradio_api/file=${file.path}`;
}

function setSource(image, url) {
  if (image.dataset.url === url) return;
  image.dataset.url = url;
  image.src = url;
}
