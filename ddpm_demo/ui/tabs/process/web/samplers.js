// The samplers of ddpm_demo/samplers on flat arrays, the same formulas in the same order. A
// predictor is (x_t, t) -> {x0, eps}; noise is () -> an array of standard normal numbers as long
// as x. Each returns every state on the way: [{t, x, x0}, ..., {t: -1, x, x0}].
((story) => {
  const map2 = (a, b, fn) => {
    const out = new Float64Array(a.length);
    for (let i = 0; i < a.length; i++) out[i] = fn(a[i], b[i]);
    return out;
  };
  const mix = (u, a, v, b) => map2(a, b, (x, y) => u * x + v * y);
  const after = (times, index) => (index + 1 < times.length ? times[index + 1] : -1);
  const finish = (states, x) => [...states, { t: -1, x, x0: x }];

  // Ho et al. 2020, algorithm 2; withNoise false shows what its noise is for.
  function ddpm(schedule, predict, start, times, noise, { withNoise = true } = {}) {
    let x = start;
    const states = [];
    times.forEach((t, index) => {
      const s = after(times, index);
      const { x0 } = predict(x, t);
      states.push({ t, x, x0 });
      const [c0, ct, variance] = schedule.posterior(t, s);
      x = mix(c0, x0, ct, x);
      if (s >= 0 && withNoise) x = mix(1, x, Math.sqrt(variance), noise());
    });
    return finish(states, x);
  }

  // Song et al. 2020, eq. 12 and 16.
  function ddim(schedule, predict, start, times, noise, { eta = 0 } = {}) {
    let x = start;
    const states = [];
    times.forEach((t, index) => {
      const s = after(times, index), abarS = schedule.abar(s);
      const { x0, eps } = predict(x, t);
      states.push({ t, x, x0 });
      const variance = eta ** 2 * schedule.posterior(t, s)[2];
      x = mix(Math.sqrt(abarS), x0, Math.sqrt(Math.max(0, 1 - abarS - variance)), eps);
      if (variance > 0) x = mix(1, x, Math.sqrt(variance), noise());
    });
    return finish(states, x);
  }

  // DPM-Solver++ 2M, Lu et al. 2022, algorithm 2, as diffusers does it: the first and the last
  // step are of first order.
  function dpmpp2m(schedule, predict, start, times) {
    let x = start, before = null, hBefore = 0;
    const states = [];
    times.forEach((t, index) => {
      const s = after(times, index);
      const { x0 } = predict(x, t);
      states.push({ t, x, x0 });
      if (s < 0) {
        x = x0;
        return;
      }
      const sigmaT = schedule.sigma(t), sigmaS = schedule.sigma(s);
      const alphaT = 1 / Math.sqrt(1 + sigmaT ** 2), alphaS = 1 / Math.sqrt(1 + sigmaS ** 2);
      const h = Math.log(sigmaT) - Math.log(sigmaS), gain = -alphaS * Math.expm1(-h);
      let drift = x0;
      if (before !== null) {
        const r = hBefore / h;
        drift = map2(x0, before, (now, then) => now + (0.5 / r) * (now - then));
      }
      x = mix((sigmaS * alphaS) / (sigmaT * alphaT), x, gain, drift);
      [before, hBefore] = [x0, h];
    });
    return finish(states, x);
  }

  // Annealed Langevin dynamics, Song & Ermon 2019, algorithm 1; alpha is stepSize sigma^2.
  function langevin(schedule, predict, start, times, noise, { updates = 5, stepSize = 1 } = {}) {
    const top = Math.sqrt(schedule.abar(times[0]));
    let x = start.map((value) => value / top), last = null;
    const states = [];
    times.forEach((t, level) => {
      const signal = Math.sqrt(schedule.abar(t)), sigma = schedule.sigma(t);
      for (let update = 0; update < updates; update++) {
        const xT = x.map((value) => signal * value);
        const { x0, eps } = predict(xT, t);
        last = x0;
        if (update === 0) states.push({ t, x: xT, x0 });
        if (level === times.length - 1 && update === updates - 1) break;
        x = mix(1, x, -0.5 * stepSize * sigma, eps);
        x = mix(1, x, Math.sqrt(stepSize) * sigma, noise());
      }
    });
    return finish(states, last);
  }

  story.samplers = { ddpm, ddim, dpmpp_2m: dpmpp2m, langevin };

  // Predictions of x_0 and eps from what a network was asked for (Salimans & Ho 2022, app. D).
  story.predictionFrom = (kind, schedule, x, t, output) => {
    const abar = schedule.abar(t);
    const a = Math.sqrt(abar), b = Math.sqrt(1 - abar);
    const divA = Math.max(a, 1e-10), divB = Math.max(b, 1e-10);
    if (kind === "epsilon") {
      return { x0: map2(x, output, (xt, eps) => (xt - b * eps) / divA), eps: output };
    }
    if (kind === "sample") {
      return { x0: output, eps: map2(x, output, (xt, x0) => (xt - a * x0) / divB) };
    }
    return { x0: mix(a, x, -b, output), eps: mix(b, x, a, output) };
  };
})((globalThis.ddpmStory ??= {}));
