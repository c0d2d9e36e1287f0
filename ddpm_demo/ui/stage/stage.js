// One stage: what the server tells (`watch`), what the visitor does, what is told back (`say`).

const stages = new Map(); // by name; they outlive Gradio's elements, and so do mask and zoom
const ears = new Map(); // how a stage tells the server, by name

class Stage {
  constructor({ name, accepts }) {
    Object.assign(this, { name, accepts, state: { phase: "empty" }, said: {}, mode: "single" });
    Object.assign(this, { chosen: 0, step: null, layer: "", wipe: 0.5, held: false, swapped: false });
    Object.assign(this, { pointers: new Map(), shownUrls: new WeakMap(), exporting: null, shift: 0 });
    const shell = document.createElement("div");
    shell.innerHTML = STAGE_HTML;
    this.root = shell.firstElementChild;
    this.at = (selector) => this.root.querySelector(selector);
    this.pane = this.at(".stage-view");
    this.view = new View();
    this.painter = new Painter(this.at(".stage-paint"), this.view, () => this.maskChanged());
    if (accepts) takeUploads(this.at(".stage-frame"), this.at(".stage-file"), (file) => this.take(file));
    this.at(".stage-mask-file").onchange = (event) => this.takeMask(event.target);
    this.listen();
    new ResizeObserver(() => this.layout()).observe(this.pane);
    speak(this.root);
    new MutationObserver(() => (speak(this.root), this.render())).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["lang"],
    });
    this.render();
  }

  // ---- the server's scenes

  told(scene) {
    if (!scene || !scene.phase || scene.number === this.number) return;
    if (scene.turn && scene.turn !== this.taking) return; // another file has come, or none is left
    const last = this.number;
    this.number = scene.number;
    const { state } = this;
    const { phase } = scene;
    if (phase === "mask") return this.setMask(scene.mask);
    if (phase === "step") return this.setStep(scene);
    if (phase === "run") {
      if (state.phase !== "run") this.starts();
      Object.assign(state, scene, { phase, heard: true });
    } else if (phase === "idle") {
      state.phase = state.samples ? "result" : state.picture ? "upload" : "empty";
      this.note(scene.words);
    } else if (phase === "result") {
      Object.assign(state, { live: 0 }, scene);
      this.chosen = Math.min(scene.chosen || 0, scene.samples.length - 1);
      this.step = null;
      this.layer = scene.layer || "";
      state.stepPictures = [...scene.steps];
      state.stepNoisy = [];
      this.mode = this.mode !== "single" && scene.before.length ? this.mode : "single";
      this.setPainting(false);
      this.note(scene.words);
      if (!scene.live) this.aloud(words("finished", { count: scene.samples.length }));
      this.say("select", { sample: this.chosen, step: null, layer: this.layer }, false);
    } else if (phase === "upload" && !scene.picture && this.earlier) {
      this.giveBack(last);
    } else if (phase === "upload") {
      this.earlier = null;
      this.setPicture(scene.picture, scene.file || (scene.picture && scene.picture.full), scene.name);
      if ("mask" in scene) this.setMask(scene.mask);
    } else if (phase === "empty") {
      if (state.picture || state.samples) this.setPicture(null);
      Object.assign(state, { phase, words: scene.words, moving: scene.moving });
    }
    this.render();
  }

  // From "Run" or the first scene of a run: what is on the stage is no result of this run.
  starts() {
    Object.assign(this.state, { phase: "run", progress: {}, x0_hat: null, x_t: null, heard: false, live: 0 });
    this.held = false;
    this.toolsStay = this.painter.on; // the page keeps its height, too
    this.setPainting(false);
    this.note("");
    this.aloud(words("starting"));
  }

  setPicture(picture, file, name) {
    const { state } = this;
    state.picture = picture;
    state.samples = null;
    // An answer to the upload that comes after Run is no end of that run.
    const late = state.phase === "run" && !state.heard;
    if (!late) state.phase = picture ? "upload" : "empty";
    this.mode = "single";
    this.layer = "";
    this.note("");
    if (!picture) {
      this.painter.mask = null;
      this.setPainting(false);
      this.said = {};
      return this.say(null, { upload: null, mask: null }, false);
    }
    const fresh = this.accepts === "picture+mask" && this.painter.picture(picture.width, picture.height);
    const told = { upload: file ? { path: file.path, name: name || "" } : null };
    if (fresh) told.mask = null;
    if (fresh && !late) this.setPainting(true);
    this.say(null, told, false);
  }

  async setMask(picture) {
    const { painter } = this;
    if (!painter.mask) return;
    if (!picture) painter.change("clear");
    else painter.change("load", await loadImage(urlOf(picture)));
    this.render();
  }

  setStep({ index, picture, x_t }) {
    const { state } = this;
    (state.stepPictures ||= [])[index] = picture;
    (state.stepNoisy ||= [])[index] = x_t;
    this.render();
  }

  // ---- what is said to the server

  say(event, told, now = true) {
    this.said = { ...this.said, ...told };
    const ear = ears.get(this.name);
    // Gradio may not have set up the ear yet; it asks for what was said when it is there.
    if (!ear) return void (this.unheard = event || this.unheard);
    ear.props.value = { ...this.said };
    if (event && now) ear.trigger(event, this.said);
  }

  take(file) {
    this.arriving = this.takeNow(file);
  }

  async takeNow(file) {
    const url = URL.createObjectURL(file);
    const turn = (this.taking = (this.taking || 0) + 1);
    this.earlier ||= this.whatIsHere();
    this.note("");
    this.busy(words("uploading"));
    try {
      // What the browser can show is shown at once; the rest when the server has read it.
      const image = await loadImage(url).catch(() => null);
      if (turn !== this.taking) return;
      this.painter.mask = null;
      this.say(null, { upload: null, mask: null }, false);
      if (image) {
        const [width, height] = [image.naturalWidth, image.naturalHeight];
        this.setPicture({ width, height, data: url }, null, file.name);
        this.render();
      }
      const { path } = await this.upload(file);
      if (turn !== this.taking) return;
      this.say("upload", { upload: { path, name: file.name, turn } });
    } catch (error) {
      if (turn !== this.taking) return;
      this.giveBack(this.number); // what the app does not have is not on the stage either
      this.note(words("upload_failed"));
    } finally {
      if (turn === this.taking) this.busy("");
    }
  }

  // What a file that turns out to be no picture must not take away.
  whatIsHere() {
    const { chosen, step, layer, mode, said, number } = this;
    const { mask, on, size } = this.painter;
    const state = { ...this.state };
    return { state, said, number, mine: { chosen, step, layer, mode }, painter: { mask, on, size } };
  }

  // `last`: the scene before the one that says no.
  giveBack(last) {
    const { state, said, number, mine, painter } = this.earlier;
    const now = this.state;
    this.earlier = null;
    Object.assign(this.painter, painter);
    const { upload = null, mask = null } = said;
    this.say(null, { upload, mask }, false);
    const newer = number !== last || (now.phase === "run") !== (state.phase === "run");
    if (!newer) Object.assign(this, mine, { state });
    else now.picture = state.picture; // a run has begun or ended meanwhile
    if (newer && /upload|empty/.test(now.phase)) now.phase = now.picture ? "upload" : "empty";
    this.render();
  }

  async takeMask(input) {
    const file = input.files[0];
    input.value = "";
    if (!file || !this.painter.mask) return;
    try {
      this.painter.change("load", await loadImage(URL.createObjectURL(file)));
    } catch (error) {
      this.note(words("no_mask_file"));
    }
  }

  remove() {
    this.taking = (this.taking || 0) + 1; // what is on its way no longer comes
    this.busy("");
    this.earlier = null;
    this.setPicture(null);
    this.say("clear", { upload: null, mask: null });
    this.render();
  }

  maskChanged() {
    this.renderPaint();
    clearTimeout(this.later);
    const large = this.painter.mask.bits.length > 2e6;
    this.later = setTimeout(() => this.sendMask(), large ? 900 : 250);
  }

  // The mask as it is now is on the server when this is done.
  sendMask() {
    clearTimeout(this.later);
    const { mask } = this.painter;
    if (!mask || mask.version === mask.sent) return this.exporting || Promise.resolve();
    const version = (mask.sent = mask.version);
    const before = this.exporting || Promise.resolve();
    this.exporting = before.then(async () => {
      if (version !== mask.version || mask !== this.painter.mask) return;
      try {
        let told = null;
        if (mask.count) {
          const file = new File([await mask.png()], "mask.png", { type: "image/png" });
          const { path } = await this.upload(file);
          told = { path, width: mask.width, height: mask.height, filled: mask.filled };
        }
        this.say("input", { mask: told });
      } catch (error) {
        mask.sent = -1;
        this.note(words("upload_failed"));
      }
    });
    return this.exporting;
  }

  async begin() {
    if (this.painter.stroke) this.painter.end();
    this.starts();
    this.render();
    await this.arriving;
    await this.sendMask();
    return { ...this.said };
  }

  note(told) {
    this.noted = told;
    const place = this.at(".stage-note");
    place.textContent = caption(told);
    place.hidden = !place.textContent;
  }
  aloud(sentence) {
    this.at(".stage-said-aloud").textContent = sentence;
  }
  busy(sentence) {
    this.uploading = sentence;
    this.renderProgress(this.state.phase === "run");
  }
}
