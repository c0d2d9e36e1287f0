// Places between seeds: lists of [seed, weight] with squares of weights that sum to 1, as in
// core/mixture.py.

const MOST_PARTS = 32;

// The same place with unit length: seeds named twice are one part; beyond what a recipe holds the
// lightest go.
function unitOf(parts) {
  const weights = new Map();
  for (const [seed, weight] of parts) weights.set(seed, (weights.get(seed) || 0) + weight);
  const kept = [...weights]
    .filter(([, weight]) => Math.abs(weight) > 1e-6)
    .sort((one, other) => Math.abs(other[1]) - Math.abs(one[1]))
    .slice(0, MOST_PARTS);
  const length = Math.hypot(...kept.map(([, weight]) => weight));
  return kept.map(([seed, weight]) => [seed, Number((weight / length).toPrecision(6))]);
}

// At (x, y) in [0, 1] between four corners in reading order.
function between(corners, [x, y]) {
  const shares = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
  return unitOf(corners.flatMap((corner, k) => corner.map(([seed, weight]) => [seed, weight * shares[k]])));
}

// A picture like that of `place`: `share` of fresh noise of `seed`.
function variedBy(place, share, seed) {
  const kept = Math.sqrt(1 - share * share);
  return unitOf([...place.map(([one, weight]) => [one, kept * weight]), [seed, share]]);
}

const newSeed = () => Math.floor(Math.random() * 1_000_000);
const seedsOf = (place) => place.map(([seed]) => seed).join(", ");
