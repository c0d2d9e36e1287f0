// What the visitor asks for, one request at a time: only the newest place is ever computed.

const IN_SHEET = 12;
const MOST_KEPT = 24;
const BUSY_MS = 700; // before a place is asked for again while a run has the model
const SLOW_MS = 500; // before it is said that something is drawn
const LOST_MS = 60000; // an answer that never came

class Live {
  constructor(stage) {
    Object.assign(this, { stageName: stage, on: false, count: 0, flying: null, wanted: null, last: null });
    Object.assign(this, { point: [0.5, 0.5], kept: [], base: null, fresh: true });
    this.corners = [0, 1, 2, 3].map((seed) => [[seed, 1]]);
    const shell = document.createElement("div");
    shell.innerHTML = LIVE_HTML;
    this.root = shell.firstElementChild;
    this.at = (selector) => this.root.querySelector(selector);
    this.recall();
    this.listen();
    // The stage gets its scene from the same answer as the panel, before it or after it.
    document.addEventListener("ddpm:stage", () => this.enable());
    speak(this.root);
    new MutationObserver(() => (speak(this.root), this.render())).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["lang"],
    });
    this.render();
  }

  get stage() {
    return window.ddpmStage && window.ddpmStage.stages.get(this.stageName);
  }

  // Places of the pictures on the stage; null where a run has put others there.
  get shown() {
    const state = (this.stage && this.stage.state) || {};
    return this.last && state.phase === "result" && state.live === this.last.number ? this.last : null;
  }

  get chosen() {
    return this.shown ? this.shown.pictures[this.stage.chosen] : null;
  }

  // ---- requests

  want(pictures, more = {}) {
    this.wanted = { number: ++this.count, pictures, chosen: 0, layer: "", ...more };
    this.send();
  }

  send() {
    clearTimeout(this.waiting);
    if (!this.on || this.flying || !this.wanted || !this.ear) return;
    const { state } = this.stage || { state: {} };
    if (state.phase === "run") return this.wait({ said: WORDS_OF("own_run") });
    const asked = (this.flying = this.wanted);
    if (this.fresh) asked.corners = this.corners;
    this.ear.props.value = { ...asked };
    this.ear.trigger("input", asked);
    this.slow = setTimeout(() => this.note(WORDS_OF("drawing")), SLOW_MS);
    this.lost = setTimeout(() => this.answered({ number: asked.number, said: WORDS_OF("lost") }), LOST_MS);
  }

  answered(told) {
    const asked = this.flying;
    if (!asked || told.number !== asked.number) return;
    clearTimeout(this.slow);
    clearTimeout(this.lost);
    this.flying = null;
    if (told.busy) return this.wanted && this.wait(told);
    const isNewest = this.wanted === asked;
    if (isNewest) this.wanted = null;
    this.offer = told.said ? told.offer : null;
    this.note(told.said || "", told.title);
    if (!told.said) {
      this.last = asked;
      if (asked.corners) this.showCorners(asked.corners, told.corners);
    } else this.refused = asked;
    this.render();
    if (!isNewest) this.send();
  }

  // A run has the model: said, and asked again, until the visitor stops it or wants nothing more.
  wait(told) {
    this.note(told.said, null, true);
    this.waiting = setTimeout(() => this.send(), BUSY_MS);
  }

  stop() {
    clearTimeout(this.waiting);
    this.wanted = null;
    this.note("");
  }

  // The same once more, with another checkpoint or setting.
  again() {
    this.fresh = true;
    // What is under way was asked with the settings of before: it counts as not yet answered.
    const asked = this.wanted || this.refused || this.last;
    if (!this.on || !asked) return;
    this.refused = null;
    const { pictures, chosen, layer, isSheet } = asked;
    this.want(pictures, { chosen, layer, isSheet });
  }

  // ---- what the visitor does

  turn(on) {
    this.on = on;
    if (!on) this.stop();
    this.render();
    if (on) this.walk();
  }

  walk() {
    this.base = null;
    this.want([between(this.corners, this.point)]);
    this.renderPlane();
  }

  move(x, y) {
    const clip = (value) => Math.round(1000 * Math.min(1, Math.max(0, value))) / 1000;
    this.point = [clip(x), clip(y)];
    this.walk();
    this.remember();
  }

  newCorners() {
    this.corners = this.corners.map(() => [[newSeed(), 1]]);
    this.fresh = true;
    this.remember();
    this.walk();
  }

  sheet(base) {
    this.base = base;
    this.share = this.variation;
    this.seeds = Array.from({ length: IN_SHEET }, newSeed);
    this.drawSheet();
  }

  placeOf(seed) {
    return this.base ? variedBy(this.base, this.share, seed) : [[seed, 1]];
  }

  drawSheet(more = { layer: "sheet" }) {
    this.want(this.seeds.map((seed) => this.placeOf(seed)), { isSheet: true, ...more });
  }

  get variation() {
    return Number(this.at(".live-variation input").value) / 100;
  }

  // Another picture in the place of the chosen one.
  reroll() {
    const { chosen } = this.stage;
    if (!this.shown || !this.shown.isSheet) return this.newCorners();
    this.seeds[chosen] = newSeed();
    this.drawSheet({ chosen, layer: this.stage.layer });
  }

  keep() {
    const { chosen, stage } = this;
    if (!chosen || this.kept.some((one) => JSON.stringify(one.place) === JSON.stringify(chosen))) return;
    this.kept = [...this.kept, { place: chosen, data: stage.state.samples[stage.chosen].data }].slice(-MOST_KEPT);
    this.remember();
    this.render();
    // The history outlives the page.
    this.ear.props.value = { keep: stage.chosen };
    this.ear.trigger("select", this.ear.props.value);
    const strip = this.at(".live-kept [role=list]");
    strip.scrollLeft = strip.scrollWidth;
  }

  act(name, pressed) {
    if (name === "live") this.turn(!this.on);
    else if (name === "corners") this.newCorners();
    else if (name === "sheet") this.sheet(null);
    else if (name === "vary") this.chosen && this.sheet(this.chosen);
    else if (name === "again") this.reroll();
    else if (name === "keep") this.keep();
    else if (name === "stop") this.stop();
    else if (name === "offer") this.takeOffer();
    else if (name === "show_kept") {
      this.base = null;
      this.want(this.kept.map((one) => one.place), { layer: "sheet" });
    } else if (name === "show") {
      this.base = null;
      this.want([this.kept[Number(pressed.dataset.index)].place]);
    } else if (name === "drop") {
      this.kept.splice(Number(pressed.dataset.index), 1);
      this.remember();
      this.render();
    }
  }

  takeOffer() {
    this.ear.props.value = { offer: this.offer };
    this.ear.trigger("select", { offer: this.offer });
  }

  // ---- kept over a reload

  remember() {
    const { corners, point, kept } = this;
    try {
      sessionStorage.setItem("ddpm_demo.live", JSON.stringify({ corners, point, kept }));
    } catch (error) {} // full or forbidden: it lasts as long as the page then
  }

  recall() {
    try {
      Object.assign(this, JSON.parse(sessionStorage.getItem("ddpm_demo.live") || "{}"));
    } catch (error) {}
  }
}

const WORDS_OF = (key) => Object.fromEntries(Object.keys(WORDS).map((name) => [name, WORDS[name][key]]));
