// Painting: turns pointers and keys over the view into changes of a mask. It draws the mask, the
// tool and its cursor on `canvas`, which covers the view and has the screen's pixels.

class Painter {
  constructor(canvas, view, changed) {
    Object.assign(this, { canvas, view, changed, mask: null, on: false });
    Object.assign(this, { tool: "brush", erase: false, size: 20, stroke: null, cursor: null });
    this.shown = true; // the mask, whether or not it is being painted
  }

  picture(width, height) {
    if (this.mask && this.mask.width === width && this.mask.height === height) return false;
    this.mask = new Mask(width, height);
    this.size = Math.max(1, Math.round(Math.min(width, height) / 12));
    return true;
  }

  get largest() {
    return this.mask ? Math.max(2, Math.round(Math.max(this.mask.width, this.mask.height) / 2)) : 2;
  }
  resize(factor) {
    const next = factor > 1 ? Math.ceil(this.size * factor) : Math.floor(this.size * factor);
    this.size = Math.min(this.largest, Math.max(1, next));
  }

  start(x, y, erase = false) {
    const point = this.view.toPicture(x, y);
    this.stroke = { points: [point], erase: erase || this.erase, box: [...point, ...point] };
    if (this.tool === "brush") this.dab(point, point);
    this.draw();
  }

  move(x, y) {
    this.cursor = [x, y];
    if (this.stroke) {
      const point = this.view.toPicture(x, y);
      const last = this.stroke.points.at(-1);
      if (this.tool === "rectangle") this.stroke.points.splice(1, 1, point);
      else this.stroke.points.push(point);
      if (this.tool === "brush") this.dab(last, point);
    }
    this.draw();
  }

  // A line of the brush's width; of one pixel, squares, so that small pictures get whole pixels.
  dab(from, to) {
    const { context } = this.mask;
    const half = this.size / 2 + 2;
    const { box, erase } = this.stroke;
    box[0] = Math.min(box[0], from[0] - half, to[0] - half);
    box[1] = Math.min(box[1], from[1] - half, to[1] - half);
    box[2] = Math.max(box[2], from[0] + half, to[0] + half);
    box[3] = Math.max(box[3], from[1] + half, to[1] + half);
    context.save();
    context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    context.fillStyle = context.strokeStyle = `rgb(${MASK_COLOUR})`;
    if (this.size < 3) {
      const steps = Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]))) || 1;
      for (let at = 0; at <= steps; at++) {
        const x = from[0] + ((to[0] - from[0]) * at) / steps - (this.size - 1) / 2;
        const y = from[1] + ((to[1] - from[1]) * at) / steps - (this.size - 1) / 2;
        context.fillRect(Math.floor(x), Math.floor(y), this.size, this.size);
      }
    } else {
      context.lineCap = context.lineJoin = "round";
      context.lineWidth = this.size;
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(to[0] + (from[0] === to[0] && from[1] === to[1] ? 0.001 : 0), to[1]);
      context.stroke();
    }
    context.restore();
  }

  end() {
    const stroke = this.stroke;
    this.stroke = null;
    if (!stroke) return;
    const { context } = this.mask;
    let box = stroke.box;
    if (this.tool !== "brush") {
      const points = this.tool === "rectangle" ? corners(stroke.points) : stroke.points;
      if (points.length < 3) return this.draw();
      const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
      box = [Math.min(...xs) - 1, Math.min(...ys) - 1, Math.max(...xs) + 1, Math.max(...ys) + 1];
      context.save();
      context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
      context.fillStyle = `rgb(${MASK_COLOUR})`;
      context.beginPath();
      points.forEach((point) => context.lineTo(...point));
      context.closePath();
      context.fill();
      context.restore();
    }
    const changed = this.mask.commitCanvas(box);
    this.draw();
    if (changed) this.changed();
  }

  // A second finger makes a pinch of what began as a stroke.
  cancel() {
    const stroke = this.stroke;
    this.stroke = null;
    const area = stroke && this.mask.clip(stroke.box);
    if (area) this.mask.paint(area);
    this.draw();
  }

  change(name, ...given) {
    if (!this.mask || this.stroke) return;
    const changed = this.mask[name](...given);
    this.draw();
    if (changed) this.changed();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawNow();
    });
  }

  drawNow() {
    const { canvas, view } = this;
    const [width, height] = [view.paneWidth * ratio(), view.paneHeight * ratio()].map(Math.round);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!this.mask || !(this.on || this.shown)) return;
    context.scale(ratio(), ratio());
    // Only the part in sight: the rest of twelve megapixels costs nothing.
    const [left, top] = view.toPicture(0, 0).map((value) => Math.max(0, Math.floor(value)));
    const [x, y] = view.toPicture(view.paneWidth, view.paneHeight);
    const right = Math.min(this.mask.width, Math.ceil(x));
    const bottom = Math.min(this.mask.height, Math.ceil(y));
    if (right > left && bottom > top) {
      context.globalAlpha = 0.5;
      context.imageSmoothingEnabled = !view.hard;
      const [w, h] = [right - left, bottom - top];
      const at = [view.x + left * view.scale, view.y + top * view.scale];
      context.drawImage(this.mask.canvas, left, top, w, h, ...at, w * view.scale, h * view.scale);
    }
    if (this.on) this.drawTool(context);
  }

  drawTool(context) {
    const { view, stroke } = this;
    const line = (path) => {
      for (const [colour, dash] of [["#fff", []], ["#111", [4, 4]]]) {
        context.strokeStyle = colour;
        context.setLineDash(dash);
        context.lineWidth = 1.5;
        context.beginPath();
        path();
        context.stroke();
      }
    };
    context.globalAlpha = 1;
    if (stroke && this.tool !== "brush") {
      const points = this.tool === "rectangle" ? corners(stroke.points) : stroke.points;
      line(() => {
        points.forEach(([x, y]) => context.lineTo(view.x + x * view.scale, view.y + y * view.scale));
        context.closePath();
      });
    }
    if (!this.cursor) return;
    const [x, y] = this.cursor;
    if (this.tool === "brush") {
      line(() => context.arc(x, y, Math.max(2, (this.size * view.scale) / 2), 0, 7));
    } else {
      line(() => {
        context.moveTo(x - 8, y);
        context.lineTo(x + 8, y);
        context.moveTo(x, y - 8);
        context.lineTo(x, y + 8);
      });
    }
  }
}

function corners(points) {
  const [[a, b], [c, d] = points[0]] = points;
  return [[a, b], [c, b], [c, d], [a, d]];
}
