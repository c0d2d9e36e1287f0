// What is seen of the panel, its pointer and keys, and the door to Gradio's components.

Object.assign(Live.prototype, {
  render() {
    const { root, on } = this;
    root.classList.toggle("live-on", on);
    const column = root.closest(".controls");
    if (column) column.classList.toggle("with-live", on);
    this.at(".live-switch").setAttribute("aria-checked", String(on));
    this.at(".live-body").hidden = !on;
    this.at(".live-hint").hidden = on;
    if (!on) return;
    this.enable();
    this.renderPlane();
    this.renderKept();
    this.renderVariation();
  },

  // What can be done with the picture on the stage, where it is one of ours.
  enable() {
    const { shown } = this;
    const able = { corners: true, sheet: true, again: shown, keep: shown, vary: shown };
    for (const [name, is] of Object.entries(able)) this.at(`[data-do=${name}]`).disabled = !is;
  },

  renderPlane() {
    const [x, y] = this.point.map((value) => Math.round(value * 100));
    const point = this.at(".live-point");
    Object.assign(point.style, { left: `${x}%`, top: `${y}%` });
    point.classList.toggle("away", Boolean(this.last && this.last.isSheet));
    point.setAttribute("aria-valuenow", x);
    point.setAttribute("aria-valuetext", words("place", { x, y }));
    this.root.querySelectorAll(".live-corner b").forEach((one, k) => {
      one.textContent = this.corners[k].length === 1 ? this.corners[k][0][0] : "";
    });
  },

  showCorners(corners, pictures) {
    if (JSON.stringify(corners) !== JSON.stringify(this.corners)) return;
    this.fresh = false;
    this.root.querySelectorAll(".live-corner img").forEach((image, k) => {
      image.hidden = !pictures[k];
      if (pictures[k]) image.src = pictures[k];
    });
  },

  renderVariation() {
    const input = this.at(".live-variation input");
    const said = `${input.value} %`;
    this.at(".live-variation output").textContent = said;
    input.setAttribute("aria-valuetext", said);
  },

  renderKept() {
    this.at(".live-kept").hidden = !this.kept.length;
    this.at(".live-kept [role=list]").replaceChildren(
      ...this.kept.map(({ place, data }, index) => {
        const one = document.createElement("div");
        one.setAttribute("role", "listitem");
        const image = new Image();
        image.src = data;
        image.alt = "";
        const [show, drop] = ["show", "drop"].map((name) => {
          const button = document.createElement("button");
          Object.assign(button, { type: "button", title: words(`${name}_one`, { seeds: seedsOf(place) }) });
          Object.assign(button.dataset, { do: name, index });
          button.setAttribute("aria-label", button.title);
          return button;
        });
        show.append(image);
        drop.textContent = "×";
        one.append(show, drop);
        return one;
      }),
    );
  },

  note(said, title, waits = false) {
    this.noted = [said, title, waits];
    const place = this.at(".live-note");
    place.firstElementChild.textContent = caption(said);
    place.hidden = !caption(said);
    const offer = this.at("[data-do=offer]");
    offer.hidden = !title;
    offer.textContent = title ? words("offer", { title: caption(title) }) : "";
    this.at("[data-do=stop]").hidden = !waits;
  },

  listen() {
    const { root } = this;
    root.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-do]");
      if (pressed) this.act(pressed.dataset.do, pressed);
    });
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.wanted) this.stop();
    });
    const plane = this.at(".live-plane");
    const point = this.at(".live-point");
    const follow = (event) => {
      const box = plane.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    };
    plane.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      point.focus({ preventScroll: true });
      plane.setPointerCapture(event.pointerId);
      this.dragging = true;
      follow(event);
    });
    plane.addEventListener("pointermove", (event) => this.dragging && follow(event));
    for (const name of ["pointerup", "pointercancel"])
      plane.addEventListener(name, () => (this.dragging = false));
    point.addEventListener("keydown", (event) => {
      const stride = event.shiftKey ? 0.2 : 0.05;
      const turn = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!turn || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.move(this.point[0] + turn[0] * stride, this.point[1] + turn[1] * stride);
    });
    this.at(".live-variation input").addEventListener("input", () => {
      this.renderVariation();
      if (!this.base) return;
      this.share = this.variation;
      this.drawSheet({ layer: this.stage.layer, chosen: this.stage.chosen });
    });
  },
});

const lives = new Map(); // by stage; they outlive Gradio's elements
let ear = null;

window.ddpmLive = {
  lives,
  mount(element, props, watch, { stage }) {
    if (!lives.has(stage)) lives.set(stage, new Live(stage));
    const live = lives.get(stage);
    live.ear = ear;
    element.querySelector(".live-mount").replaceChildren(live.root);
    watch("value", () => props.value && live.answered(props.value));
    live.render();
  },
  listen(props, trigger) {
    ear = { props, trigger };
    lives.forEach((live) => (live.ear = ear));
  },
  again: () => lives.forEach((live) => live.again()),
};
