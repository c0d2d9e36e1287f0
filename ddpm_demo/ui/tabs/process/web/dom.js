// What the panes are made of: elements, sliders, pictures, plots.
((story) => {
  story.texts ??= {};
  story.say = (key, params = {}) =>
    (story.texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => params[name] ?? whole);

  // el("p", { class: "numbers" }, "text", child, ...)
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child != null));
    return node;
  }

  let serial = 0;
  // A labelled slider whose value is said beside its label. sym: the symbol that it stands for.
  function slider({ label, min, max, step = 1, value, sym, shown = (v) => v, input }) {
    const id = `story-slider-${(serial += 1)}`;
    const output = el("output", { for: id }, String(shown(value)));
    const range = el("input", { id, type: "range", min, max, step, value });
    const set = (v) => {
      range.value = v;
      output.textContent = shown(Number(range.value));
    };
    range.addEventListener("input", () => {
      output.textContent = shown(Number(range.value));
      input(Number(range.value));
    });
    const node = el("div", { class: "story-slider", "data-sym": sym }, el("label", { for: id }, label, " "), output, range);
    return { node, set, range, get value() { return Number(range.value); } };
  }

  function choice({ label, options, value, change }) {
    const id = `story-choice-${(serial += 1)}`;
    const select = el("select", { id }, ...options.map(([name, words]) => el("option", { value: name }, words)));
    select.value = value;
    select.addEventListener("change", () => change(select.value));
    return { node: el("div", { class: "story-choice" }, el("label", { for: id }, label), select), select };
  }

  function toggle({ label, value, change }) {
    const box = el("input", { type: "checkbox" });
    box.checked = value;
    box.addEventListener("change", () => change(box.checked));
    return { node: el("label", { class: "story-toggle" }, box, " ", label), box };
  }

  const button = (label, click, kind = "") => el("button", { type: "button", class: `story-button ${kind}`, onclick: click }, label);

  // A canvas that keeps the screen's resolution; draw(context, width, height) in CSS pixels.
  function canvas(height, draw, label) {
    const node = el("canvas", { class: "story-canvas", role: "img", "aria-label": label });
    node.style.height = typeof height === "number" ? `${height}px` : height;
    const redraw = () => {
      const width = node.clientWidth, tall = node.clientHeight, ratio = globalThis.devicePixelRatio || 1;
      if (!width || !tall) return;
      if (node.width !== Math.round(width * ratio) || node.height !== Math.round(tall * ratio)) {
        node.width = Math.round(width * ratio);
        node.height = Math.round(tall * ratio);
      }
      const context = node.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, tall);
      draw(context, width, tall);
    };
    new ResizeObserver(redraw).observe(node);
    return { node, redraw };
  }

  const colour = (name) => getComputedStyle(story.root ?? document.documentElement).getPropertyValue(`--${name}`).trim() || "#888";

  // Ticks of an axis: few, round, never colliding, never "-0".
  function ticks(low, high, most) {
    const rough = (high - low) / Math.max(1, most), power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((s) => s >= rough * 0.999);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-6; k++) {
      const value = k * step;
      found.push([value, figure(value, step)]);
    }
    return found;
  }
  function figure(value, step) {
    if (Math.abs(value) < step / 1000) return "0";
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return digits > 4 && Math.abs(value) < 1e-3 ? value.toExponential(0) : value.toFixed(digits).replace("-", "−");
  }
  const decimal = (value, digits = 3) => {
    const words = Number(value).toPrecision(digits);
    const plain = Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6 ? String(Number(words)) : Number(value) === 0 ? "0" : Number(words).toExponential();
    return plain.replace("-", "−");
  };

  // A plot of lines [{x, y, colour, width, dash, fill}], with marks [{x, colour}]; returns the
  // scale, so that more can be drawn.
  function plot(context, width, height, { lines, marks = [], x: [x0, x1], y: [y0, y1], title, xTitle, left = 40 }) {
    const top = title ? 22 : 8, bottom = 30, right = 10;
    const toX = (x) => left + ((x - x0) / (x1 - x0)) * (width - left - right);
    const toY = (y) => height - bottom - ((y - y0) / (y1 - y0)) * (height - top - bottom);
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = colour("strong");
    if (title) context.fillText(title, 2, 13, width - 10);
    context.strokeStyle = colour("line");
    context.lineWidth = 1;
    context.fillStyle = colour("quiet");
    context.textAlign = "right";
    for (const [value, words] of ticks(y0, y1, Math.max(2, Math.floor((height - top - bottom) / 24)))) {
      const y = Math.round(toY(value)) + 0.5;
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(width - right, y);
      context.stroke();
      context.fillText(words, left - 6, y + 4);
    }
    context.textAlign = "center";
    for (const [value, words] of ticks(x0, x1, Math.max(width < 150 ? 1 : 2, Math.floor((width - left) / 70)))) {
      context.fillText(words, Math.min(Math.max(toX(value), left + 4), width - 16), height - bottom + 14);
    }
    if (xTitle) context.fillText(xTitle, (left + width - right) / 2, height - 3);
    context.textAlign = "left";
    context.save();
    context.beginPath();
    context.rect(left, top - 2, width - left - right + 2, height - top - bottom + 4);
    context.clip();
    for (const line of lines) {
      context.beginPath();
      for (let i = 0; i < line.x.length; i++) context.lineTo(toX(line.x[i]), toY(line.y[i]));
      context.setLineDash(line.dash ?? []);
      context.lineJoin = "round";
      context.lineWidth = (line.width ?? 2) + (line.sym && line.sym === story.lit ? 2 : 0);
      context.strokeStyle = line.colour;
      context.stroke();
      if (line.fill) {
        context.lineTo(toX(line.x.at(-1)), toY(y0));
        context.lineTo(toX(line.x[0]), toY(y0));
        context.globalAlpha = 0.15;
        context.fillStyle = line.colour;
        context.fill();
        context.globalAlpha = 1;
      }
    }
    context.setLineDash([]);
    for (const mark of marks) {
      context.strokeStyle = mark.colour;
      context.lineWidth = mark.sym && mark.sym === story.lit ? 4 : 2;
      context.beginPath();
      context.moveTo(toX(mark.x), top);
      context.lineTo(toX(mark.x), height - bottom);
      context.stroke();
    }
    context.restore();
    return { toX, toY };
  }

  const legend = (entries) => el("p", { class: "story-legend" }, ...entries.map(([sym, words]) =>
    el("button", { type: "button", class: "story-key", "data-sym": sym }, words)));

  // A picture [C, H, W] in [-1, 1], pixels as hard squares.
  function picture(caption, sym) {
    const node = el("canvas", { class: "story-picture", role: "img", "aria-label": caption });
    const figureNode = el("figure", { class: "story-figure", "data-sym": sym }, node, el("figcaption", {}, caption));
    const set = (values, channels, side) => {
      if (node.width !== side) node.width = node.height = side;
      const context = node.getContext("2d"), image = context.createImageData(side, side), area = side * side;
      for (let i = 0; i < area; i++) {
        for (let c = 0; c < 3; c++) {
          const value = values[(channels === 1 ? 0 : c) * area + i];
          image.data[4 * i + c] = Math.round(Math.min(1, Math.max(0, (value + 1) / 2)) * 255);
        }
        image.data[4 * i + 3] = 255;
      }
      context.putImageData(image, 0, 0);
    };
    return { node: figureNode, set };
  }

  const decode = (base64, Kind) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return new Kind(bytes.buffer);
  };

  // fn at most once a frame, with the newest arguments.
  const everyFrame = (fn) => {
    let waiting = null, asked = false;
    return (...args) => {
      waiting = args;
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        fn(...waiting);
      });
    };
  };
  const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  Object.assign(story, { el, slider, choice, toggle, button, canvas, colour, plot, legend, picture, decode, decimal, everyFrame, isCalm, ticks });
})((globalThis.ddpmStory ??= {}));
