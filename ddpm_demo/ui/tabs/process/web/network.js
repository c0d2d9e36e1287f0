// A small network that learns in the browser: (x_t, y_t, features of t) -> 64 -> 64 -> 2, SiLU,
// Adam (Kingma & Ba 2015), averaged weights. Trained on epsilon, x_0 or v with a plain mean
// square, Ho et al. 2020, eq. 14.
((story) => {
  const HIDDEN = 64, TIME = 8, INPUT = 2 + TIME, BATCH = 128, RATE = 3e-3, AVERAGE = 0.995;
  const SIZES = [INPUT, HIDDEN, HIDDEN, 2];

  // log sigma / 4 and waves of t: what a layer is told of the noise.
  function timeFeatures(schedule, t, out, at) {
    const u = t / schedule.T;
    out[at] = 0.25 * Math.log(Math.min(schedule.sigma(t), 100) + 1e-3);
    out[at + 1] = u;
    for (let k = 0; k < 3; k++) {
      out[at + 2 + 2 * k] = Math.sin(Math.PI * 2 ** k * u);
      out[at + 3 + 2 * k] = Math.cos(Math.PI * 2 ** k * u);
    }
  }

  function makeWeights(seed) {
    const { normals } = story.random(seed), layers = [];
    for (let l = 0; l < 3; l++) {
      const scale = (l === 2 ? 0.3 : 1) / Math.sqrt(SIZES[l]);
      layers.push(normals(SIZES[l] * SIZES[l + 1]).map((w) => w * scale));
      layers.push(new Float64Array(SIZES[l + 1]));
    }
    return layers;
  }

  // out[row, o] = bias[o] + sum over k of weight[o, k] x[row, k]
  function dense(x, rows, from, to, weight, bias, out) {
    const whole = from - (from % 4);
    for (let r = 0; r < rows; r++) {
      const i = r * from;
      for (let o = 0; o < to; o++) {
        const w = o * from;
        let s0 = bias[o], s1 = 0, s2 = 0, s3 = 0;
        let k = 0;
        for (; k < whole; k += 4) {
          s0 += weight[w + k] * x[i + k];
          s1 += weight[w + k + 1] * x[i + k + 1];
          s2 += weight[w + k + 2] * x[i + k + 2];
          s3 += weight[w + k + 3] * x[i + k + 3];
        }
        for (; k < from; k++) s0 += weight[w + k] * x[i + k];
        out[r * to + o] = s0 + s1 + s2 + s3;
      }
    }
  }
  function addOuter(slope, layer, rows, from, to, gradW, gradB) {
    for (let r = 0; r < rows; r++) {
      const i = r * from;
      for (let o = 0; o < to; o++) {
        const g = slope[r * to + o], w = o * from;
        gradB[o] += g;
        for (let k = 0; k < from; k++) gradW[w + k] += g * layer[i + k];
      }
    }
  }
  function pushBack(slope, weight, rows, from, to, below) {
    for (let r = 0; r < rows; r++) {
      const i = r * from;
      for (let o = 0; o < to; o++) {
        const g = slope[r * to + o], w = o * from;
        for (let k = 0; k < from; k++) below[i + k] += g * weight[w + k];
      }
    }
  }
  const silu = (z) => z / (1 + Math.exp(-z));
  const siluSlope = (z) => {
    const s = 1 / (1 + Math.exp(-z));
    return s * (1 + z * (1 - s));
  };

  function inputs(schedule, x, t) {
    const rows = x.length / 2, input = new Float64Array(rows * INPUT);
    const features = new Float64Array(TIME);
    if (typeof t === "number") timeFeatures(schedule, t, features, 0);
    for (let r = 0; r < rows; r++) {
      input[r * INPUT] = x[2 * r];
      input[r * INPUT + 1] = x[2 * r + 1];
      if (typeof t === "number") input.set(features, r * INPUT + 2);
      else timeFeatures(schedule, t[r], input, r * INPUT + 2);
    }
    return input;
  }

  // The outputs for points x at timestep t (a number, or one for each point).
  function forward(schedule, weights, x, t, kept = null) {
    const rows = x.length / 2;
    let layer = inputs(schedule, x, t);
    if (kept) kept.push(layer);
    for (let l = 0; l < 3; l++) {
      const out = new Float64Array(rows * SIZES[l + 1]);
      dense(layer, rows, SIZES[l], SIZES[l + 1], weights[2 * l], weights[2 * l + 1], out);
      if (l === 2) return out;
      layer = out.map(silu);
      if (kept) kept.push(out, layer);
    }
  }

  class Trainer {
    // points: flat; std: of the noise about each; kind: "epsilon", "sample" or "v_prediction".
    constructor({ betas, points, std, kind, seed = 1, rate = RATE }) {
      Object.assign(this, { points, std, kind, rate, schedule: new story.Schedule(betas) });
      this.draw = story.random(seed + 1);
      this.weights = makeWeights(seed);
      this.averaged = this.weights.map((w) => w.slice());
      this.first = this.weights.map((w) => new Float64Array(w.length));
      this.second = this.weights.map((w) => new Float64Array(w.length));
      this.step = 0;
      this.loss = NaN;
    }
    // One batch; the mean squared error before the update. Throws when it is no number.
    update() {
      const { schedule, draw, points } = this, rows = BATCH, count = points.length / 2;
      const x = new Float64Array(2 * rows), target = new Float64Array(2 * rows), t = new Float64Array(rows);
      for (let r = 0; r < rows; r++) {
        const k = Math.floor(draw.uniform() * count);
        t[r] = Math.floor(draw.uniform() * schedule.T);
        const a = Math.sqrt(schedule.abar(t[r])), b = Math.sqrt(1 - a * a);
        for (let d = 0; d < 2; d++) {
          const x0 = points[2 * k + d] + this.std * draw.normal(), eps = draw.normal();
          x[2 * r + d] = a * x0 + b * eps;
          target[2 * r + d] = this.kind === "epsilon" ? eps : this.kind === "sample" ? x0 : a * eps - b * x0;
        }
      }
      const kept = [], out = forward(schedule, this.weights, x, t, kept);
      let loss = 0, slope = new Float64Array(out.length);
      for (let i = 0; i < out.length; i++) {
        const off = out[i] - target[i];
        loss += off * off;
        slope[i] = (2 * off) / out.length;
      }
      loss /= out.length;
      if (!Number.isFinite(loss) || loss > 1e6) throw new Error("diverged");
      this.backward(kept, slope, rows);
      this.loss = loss;
      return loss;
    }
    backward(kept, slope, rows) {
      this.step += 1;
      const [input, z1, a1, z2, a2] = kept, layers = [input, a1, a2], sums = [null, z1, z2];
      const rate = this.rate * Math.min(1, this.step / 50) / (1 + this.step / 6000);
      const fix1 = 1 - 0.9 ** this.step, fix2 = 1 - 0.999 ** this.step;
      for (let l = 2; l >= 0; l--) {
        const from = SIZES[l], to = SIZES[l + 1], weight = this.weights[2 * l];
        const gradW = new Float64Array(weight.length), gradB = new Float64Array(to);
        addOuter(slope, layers[l], rows, from, to, gradW, gradB);
        let below = null;
        if (l > 0) {
          below = new Float64Array(rows * from);
          pushBack(slope, weight, rows, from, to, below);
          for (let i = 0; i < below.length; i++) below[i] *= siluSlope(sums[l][i]);
        }
        this.adam(2 * l, gradW, rate, fix1, fix2);
        this.adam(2 * l + 1, gradB, rate, fix1, fix2);
        slope = below;
      }
    }
    adam(index, grad, rate, fix1, fix2) {
      const w = this.weights[index], m = this.first[index], v = this.second[index];
      const mean = this.averaged[index], keep = Math.min(AVERAGE, this.step / (this.step + 10));
      for (let i = 0; i < w.length; i++) {
        m[i] += 0.1 * (grad[i] - m[i]);
        v[i] += 0.001 * (grad[i] * grad[i] - v[i]);
        w[i] -= (rate * (m[i] / fix1)) / (Math.sqrt(v[i] / fix2) + 1e-8);
        mean[i] = keep * mean[i] + (1 - keep) * w[i];
      }
    }
  }

  // (x_t, t) -> {x0, eps} of trained weights.
  story.learned = (schedule, weights, kind) => (x, t) =>
    story.predictionFrom(kind, schedule, x, t, forward(schedule, weights, x, t));

  // Root mean square of eps_learned - eps_exact over noised data, over all t alike.
  story.errorAgainstExact = (schedule, points, std, exact, learned, seed = 7) => {
    const draw = story.random(seed), count = points.length / 2, PLACES = 64;
    let square = 0, number = 0;
    for (let level = 0; level < 20; level++) {
      const t = Math.round(((level + 0.5) / 20) * schedule.T) - 1;
      const a = Math.sqrt(schedule.abar(t)), b = Math.sqrt(1 - a * a);
      const x = new Float64Array(2 * PLACES);
      for (let r = 0; r < PLACES; r++) {
        const k = Math.floor(draw.uniform() * count);
        for (let d = 0; d < 2; d++) {
          x[2 * r + d] = a * (points[2 * k + d] + std * draw.normal()) + b * draw.normal();
        }
      }
      const right = exact(x, t).eps, said = learned(x, t).eps;
      for (let i = 0; i < x.length; i++) square += (right[i] - said[i]) ** 2;
      number += x.length;
    }
    return Math.sqrt(square / number);
  };

  Object.assign(story, { Trainer, networkForward: forward });
})((globalThis.ddpmStory ??= {}));
