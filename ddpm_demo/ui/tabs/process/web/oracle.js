// The exact denoiser of points with a little Gaussian noise about each: a mixture, as
// MixtureDenoiser of ddpm_demo/core/oracles.py. Arrays of points are flat: x, y, x, y, ...
((story) => {
  story.mixture = (schedule, points, std) => {
    const count = points.length / 2, weights = new Float64Array(count);
    return (x, t) => {
      const abar = schedule.abar(t), signal = Math.sqrt(abar), rest = 1 - abar;
      const variance = abar * std * std + rest, gain = (signal * std * std) / variance;
      const x0 = new Float64Array(x.length), eps = new Float64Array(x.length);
      const divisor = Math.sqrt(Math.max(rest, 1e-20));
      for (let i = 0; i < x.length; i += 2) {
        let nearest = Infinity;
        for (let k = 0; k < count; k++) {
          const dx = x[i] - signal * points[2 * k], dy = x[i + 1] - signal * points[2 * k + 1];
          weights[k] = dx * dx + dy * dy;
          if (weights[k] < nearest) nearest = weights[k];
        }
        let total = 0, cx = 0, cy = 0;
        for (let k = 0; k < count; k++) {
          const exponent = (nearest - weights[k]) / (2 * variance);
          if (exponent < -40) continue;
          const weight = Math.exp(exponent);
          total += weight;
          cx += weight * points[2 * k];
          cy += weight * points[2 * k + 1];
        }
        cx /= total;
        cy /= total;
        x0[i] = cx + gain * (x[i] - signal * cx);
        x0[i + 1] = cy + gain * (x[i + 1] - signal * cy);
        eps[i] = (x[i] - signal * x0[i]) / divisor;
        eps[i + 1] = (x[i + 1] - signal * x0[i + 1]) / divisor;
      }
      return { x0, eps };
    };
  };

  const MAX_POINTS = 2000;
  // {points, note}: what is kept of points that a person gave, and what to say of it. At most
  // 2,000, evenly chosen; moved to the middle and scaled to a root mean square of 0.7 a value.
  story.tidyPoints = (given) => {
    const pairs = [];
    for (let i = 0; i + 1 < given.length; i += 2) {
      if (Number.isFinite(given[i]) && Number.isFinite(given[i + 1])) {
        pairs.push([given[i], given[i + 1]]);
      }
    }
    if (pairs.length === 0) return { points: null, note: "pg_no_points" };
    let kept = pairs, note = "";
    if (pairs.length > MAX_POINTS) {
      kept = Array.from({ length: MAX_POINTS }, (_, k) => pairs[Math.floor((k * pairs.length) / MAX_POINTS)]);
      note = "pg_many_points";
    } else if (pairs.length === 1) note = "pg_one_point";
    const mean = [0, 1].map((d) => kept.reduce((sum, p) => sum + p[d], 0) / kept.length);
    const square = kept.reduce((sum, p) => sum + (p[0] - mean[0]) ** 2 + (p[1] - mean[1]) ** 2, 0);
    const spread = Math.sqrt(square / (2 * kept.length));
    const scale = spread > 1e-9 ? 0.7 / spread : 1;
    const move = spread > 1e-9 ? mean : [0, 0];
    const flat = kept.flatMap((p) => [(p[0] - move[0]) * scale, (p[1] - move[1]) * scale]);
    return { points: Float64Array.from(flat), note, given: pairs.length };
  };
})((globalThis.ddpmStory ??= {}));
