// The mask at the picture's own pixels. `bits` is the truth (1 where to fill), `canvas` its image.
// Undo keeps what a change has replaced, rectangle by rectangle, up to a number of bytes.

const UNDO_BYTES = 96 << 20;
const MASK_COLOUR = [226, 35, 110];

class Mask {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.bits = new Uint8Array(width * height);
    this.canvas = document.createElement("canvas");
    this.canvas.width = width;
    this.canvas.height = height;
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.count = 0;
    this.undos = [];
    this.redos = [];
    this.version = 0;
  }

  get filled() {
    return this.count / (this.width * this.height);
  }

  clip(box) {
    const left = Math.max(0, Math.floor(box[0]));
    const top = Math.max(0, Math.floor(box[1]));
    const right = Math.min(this.width, Math.ceil(box[2]));
    const bottom = Math.min(this.height, Math.ceil(box[3]));
    return right > left && bottom > top ? [left, top, right, bottom] : null;
  }

  // What was drawn on the canvas within `box` becomes the mask; the edge is made hard.
  commitCanvas(box) {
    const area = this.clip(box);
    if (!area) return false;
    const [left, top, right, bottom] = area;
    const image = this.context.getImageData(left, top, right - left, bottom - top).data;
    const next = new Uint8Array((right - left) * (bottom - top));
    for (let at = 0; at < next.length; at++) next[at] = image[at * 4 + 3] >= 128 ? 1 : 0;
    return this.commit(area, next);
  }

  // `next` are the bits of `area`; false where they are those there were.
  commit(area, next, remember = true) {
    const old = this.swap(area, next);
    this.paint(area);
    if (!old) return false;
    if (remember) {
      this.undos.push({ area, bits: old });
      this.redos = [];
      let bytes = 0;
      const first = this.undos.findLastIndex((one) => (bytes += one.bits.length) > UNDO_BYTES);
      // The newest change can always be undone.
      if (first >= 0) this.undos.splice(0, Math.min(first + 1, this.undos.length - 1));
    }
    return true;
  }

  swap([left, top, right, bottom], next) {
    const width = right - left;
    const old = new Uint8Array(next.length);
    let changed = false;
    for (let row = top, at = 0; row < bottom; row++) {
      for (let here = row * this.width + left, end = here + width; here < end; here++, at++) {
        old[at] = this.bits[here];
        if (old[at] === next[at]) continue;
        changed = true;
        this.count += next[at] - old[at];
        this.bits[here] = next[at];
      }
    }
    if (changed) this.version++;
    return changed ? old : null;
  }

  paint([left, top, right, bottom]) {
    const image = new ImageData(right - left, bottom - top);
    const words = new Uint32Array(image.data.buffer);
    const [red, green, blue] = MASK_COLOUR;
    const colour = (255 << 24) | (blue << 16) | (green << 8) | red;
    for (let row = top, at = 0; row < bottom; row++)
      for (let here = row * this.width + left, end = here + right - left; here < end; here++, at++)
        if (this.bits[here]) words[at] = colour;
    this.context.putImageData(image, left, top);
  }

  undo() {
    return this.step(this.undos, this.redos);
  }
  redo() {
    return this.step(this.redos, this.undos);
  }
  step(from, to) {
    const change = from.pop();
    if (!change) return false;
    const old = this.swap(change.area, change.bits);
    this.paint(change.area);
    if (old) to.push({ area: change.area, bits: old });
    return true;
  }

  get all() {
    return [0, 0, this.width, this.height];
  }
  clear() {
    return this.commit(this.all, new Uint8Array(this.bits.length));
  }
  invert() {
    return this.commit(this.all, this.bits.map((bit) => 1 - bit));
  }

  // Grown (or, by a negative number, shrunk) by `pixels` to all sides; outside counts as not masked
  // for growing and as masked for shrinking, so that a shrunk mask still touches the edge.
  grow(pixels) {
    const flip = pixels < 0;
    const start = flip ? this.bits.map((bit) => 1 - bit) : this.bits;
    const across = new Uint8Array(start.length);
    const grown = new Uint8Array(start.length);
    const { width, height } = this;
    for (let row = 0; row < height; row++) spread(start, across, row * width, 1, width, Math.abs(pixels));
    for (let column = 0; column < width; column++)
      spread(across, grown, column, width, height, Math.abs(pixels));
    return this.commit(this.all, flip ? grown.map((bit) => 1 - bit) : grown);
  }

  // White (or, on a transparent file, opaque) of an image of any size.
  load(image) {
    const copy = document.createElement("canvas");
    copy.width = this.width;
    copy.height = this.height;
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingEnabled = false;
    context.drawImage(image, 0, 0, this.width, this.height);
    const data = context.getImageData(0, 0, this.width, this.height).data;
    const next = new Uint8Array(this.bits.length);
    for (let at = 0; at < next.length; at++) {
      const light = 0.299 * data[at * 4] + 0.587 * data[at * 4 + 1] + 0.114 * data[at * 4 + 2];
      next[at] = (light * data[at * 4 + 3]) / 255 >= 127.5 ? 1 : 0;
    }
    return this.commit(this.all, next);
  }

  // A PNG, white where to fill, black elsewhere.
  png() {
    const copy = document.createElement("canvas");
    copy.width = this.width;
    copy.height = this.height;
    const image = new ImageData(this.width, this.height);
    const words = new Uint32Array(image.data.buffer);
    for (let at = 0; at < words.length; at++) words[at] = this.bits[at] ? 0xffffffff : 0xff000000;
    copy.getContext("2d").putImageData(image, 0, 0);
    return new Promise((done) => copy.toBlob(done, "image/png"));
  }
}

// One line of a picture: every set bit sets those up to `reach` before and after it.
function spread(from, to, start, stride, length, reach) {
  let left = -1;
  for (let at = 0; at < length; at++) {
    if (from[start + at * stride]) left = reach + 1;
    if (--left >= 0) to[start + at * stride] = 1;
  }
  left = -1;
  for (let at = length - 1; at >= 0; at--) {
    if (from[start + at * stride]) left = reach + 1;
    if (--left >= 0) to[start + at * stride] = 1;
  }
}
