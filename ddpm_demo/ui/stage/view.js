// Where the picture lies in the view: `scale` is CSS pixels a pixel of the picture, (x, y) its
// upper left corner in the pane. "100 %" and whole factors are counted in the screen's own pixels.

const HARD_EDGE = 128; // as the rest of the page: up to here pixels are drawn hard
const HARD_FROM = 4; // photographs, too, from this enlargement on

const ratio = () => Math.max(0.5, window.devicePixelRatio || 1);

class View {
  constructor() {
    Object.assign(this, { width: 0, height: 0, paneWidth: 0, paneHeight: 0 });
    Object.assign(this, { scale: 1, x: 0, y: 0, fitted: true, sheet: false });
  }

  get small() {
    return this.sheet || Math.max(this.width, this.height) <= HARD_EDGE;
  }
  get hard() {
    return this.small || this.scale * ratio() >= HARD_FROM;
  }
  get percent() {
    return Math.round(this.scale * ratio() * 100);
  }
  get fitScale() {
    if (!this.width || !this.paneWidth) return 1;
    const whole = Math.min(this.paneWidth / this.width, this.paneHeight / this.height);
    if (!this.small) return whole;
    return whole * ratio() >= 1 ? Math.floor(whole * ratio()) / ratio() : whole;
  }
  get least() {
    return Math.min(this.fitScale, 1 / ratio());
  }
  get most() {
    return Math.max(32 / ratio(), this.fitScale * 4);
  }
  get movable() {
    return (
      this.width * this.scale > this.paneWidth + 1 || this.height * this.scale > this.paneHeight + 1
    );
  }

  picture(width, height) {
    if (width === this.width && height === this.height) return false;
    // The same part stays in sight where only the number of pixels is another.
    const alike = this.width && Math.abs(width / height / (this.width / this.height) - 1) < 0.01;
    const factor = this.width / width;
    this.width = width;
    this.height = height;
    if (alike && !this.fitted) this.scale *= factor;
    else this.fit();
    this.settle();
    return true;
  }

  pane(width, height) {
    if (width === this.paneWidth && height === this.paneHeight) return;
    const [dx, dy] = [(width - this.paneWidth) / 2, (height - this.paneHeight) / 2];
    this.paneWidth = width;
    this.paneHeight = height;
    if (this.fitted) return this.fit();
    this.x += dx;
    this.y += dy;
    this.settle();
  }

  fit() {
    this.scale = this.fitScale;
    this.fitted = true;
    this.settle();
  }

  // To `scale`, with the point (x, y) of the pane staying where it is.
  zoomTo(scale, x = this.paneWidth / 2, y = this.paneHeight / 2) {
    const next = Math.min(this.most, Math.max(this.least, scale));
    this.x = x - ((x - this.x) * next) / this.scale;
    this.y = y - ((y - this.y) * next) / this.scale;
    this.scale = next;
    this.fitted = Math.abs(next - this.fitScale) < 1e-6;
    this.settle();
  }

  // One step of the buttons and keys: small pictures by whole factors.
  zoomStep(direction, x, y) {
    if (!this.small) return this.zoomTo(this.scale * (direction > 0 ? 1.5 : 1 / 1.5), x, y);
    const factor = Math.round(this.scale * ratio());
    const step = Math.max(1, Math.round(factor * 0.25));
    this.zoomTo(Math.max(1, factor + direction * step) / ratio(), x, y);
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.settle();
  }

  // Nothing but whole screen pixels for the corner, and no picture lost out of sight.
  settle() {
    const keep = (at, size, pane) => {
      const free = pane - size;
      return free >= 0 ? free / 2 : Math.min(0, Math.max(free, at));
    };
    const snap = (value) => Math.round(value * ratio()) / ratio();
    this.x = snap(keep(this.x, this.width * this.scale, this.paneWidth));
    this.y = snap(keep(this.y, this.height * this.scale, this.paneHeight));
  }

  toPicture(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }
}
