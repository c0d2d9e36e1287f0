// The noise schedule in float64, as ddpm_demo/core/schedule.py has it, and the timesteps of
// ddpm_demo/samplers/timesteps.py. tests/test_story_numbers.py holds the two together.
((story) => {
  const linspace = (low, high, count) =>
    count === 1 ? [low] : Array.from({ length: count }, (_, k) => low + ((high - low) * k) / (count - 1));

  // betas of a name: "linear" (Ho et al. 2020) or "cosine" (Nichol & Dhariwal 2021, eq. 17).
  function makeBetas(name, T = 1000) {
    if (name === "linear") return linspace(1e-4, 0.02, T);
    const abar = (n) => Math.cos(((n / T + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
    return Array.from({ length: T }, (_, t) => Math.min(1 - abar(t + 1) / abar(t), 0.999));
  }

  class Schedule {
    constructor(betas) {
      this.betas = Float64Array.from(betas);
      this.T = betas.length;
      this.alphasCumprod = new Float64Array(this.T);
      this.logSigma = new Float64Array(this.T);
      let product = 1;
      for (let t = 0; t < this.T; t++) {
        product *= 1 - this.betas[t];
        this.alphasCumprod[t] = product;
        const kept = Math.max(product, 1e-20);
        this.logSigma[t] = 0.5 * (Math.log1p(-kept) - Math.log(kept));
      }
    }
    // alphas_cumprod at t in [-1, T - 1]; 1 at t = -1. Fractional t goes through log sigma.
    abar(t) {
      if (t <= -1) return 1;
      if (Number.isInteger(t)) return this.alphasCumprod[t];
      if (t < 0) return 1 + (t + 1) * (this.alphasCumprod[0] - 1);
      const low = Math.floor(t);
      const high = Math.min(low + 1, this.T - 1);
      const logSigma = this.logSigma[low] + (t - low) * (this.logSigma[high] - this.logSigma[low]);
      return 1 / (1 + Math.exp(2 * logSigma));
    }
    sigma(t) {
      const abar = this.abar(t);
      return abar > 0 ? Math.sqrt((1 - abar) / abar) : Infinity;
    }
    snr(t) {
      const abar = this.abar(t);
      return abar < 1 ? abar / (1 - abar) : Infinity;
    }
    // The fractional t of a sigma, clamped to [0, T - 1].
    tFromSigma(sigma) {
      const wanted = Math.log(sigma), known = this.logSigma;
      if (wanted <= known[0]) return 0;
      if (wanted >= known[this.T - 1]) return this.T - 1;
      let low = 0, high = this.T - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (known[middle] <= wanted) low = middle; else high = middle;
      }
      return low + (wanted - known[low]) / (known[high] - known[low]);
    }
    // [c_0, c_t, variance] of q(x_s | x_t, x_0), s < t: Ho et al. 2020, eq. 6 and 7.
    posterior(t, s) {
      const abarT = this.abar(t), abarS = this.abar(s), alpha = abarT / abarS;
      return [
        (Math.sqrt(abarS) * (1 - alpha)) / (1 - abarT),
        (Math.sqrt(alpha) * (1 - abarS)) / (1 - abarT),
        ((1 - abarS) / (1 - abarT)) * (1 - alpha),
      ];
    }
  }

  const KARRAS_SIGMA_MAX = 80;
  // Python rounds halves to even, and so must this.
  const roundEven = (x) => {
    const down = Math.floor(x);
    if (x - down !== 0.5) return Math.round(x);
    return down % 2 ? down + 1 : down;
  };

  // count descending timesteps from tStart: "trailing" or "geometric".
  function makeTimesteps(schedule, count, spacing = "trailing", tStart = schedule.T - 1) {
    const length = tStart + 1;
    const number = Math.max(1, Math.min(count, Math.floor(length)));
    if (spacing === "geometric") {
      const top = Math.min(schedule.sigma(tStart), KARRAS_SIGMA_MAX);
      return linspace(Math.log(top), Math.log(schedule.sigma(0)), number)
        .map((s) => Math.min(schedule.tFromSigma(Math.exp(s)), tStart));
    }
    return Array.from({ length: number }, (_, k) => {
      const t = length - k * (length / number) - 1;
      return Math.min(Number.isInteger(tStart) ? roundEven(t) : t, tStart);
    });
  }

  // A seeded generator of uniform and normal numbers, so that a slider moves and the noise stays.
  function random(seed) {
    let state = seed >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 15), z | 1);
      z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
      return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
    };
    let spare = null;
    const normal = () => {
      if (spare !== null) {
        const kept = spare;
        spare = null;
        return kept;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform())), angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    };
    const normals = (count) => Float64Array.from({ length: count }, normal);
    return { uniform, normal, normals };
  }

  Object.assign(story, { makeBetas, Schedule, makeTimesteps, random, linspace });
})((globalThis.ddpmStory ??= {}));
