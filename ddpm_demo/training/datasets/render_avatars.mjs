// Draws avatars with DiceBear and resvg and writes their RGB bytes, one picture after the other.
//
//   node render_avatars.mjs '{"style": "bigEars", "backgrounds": ["b6e3f4"], "sizePx": 64,
//                             "first": 0, "count": 10, "modules": DIR, "out": FILE}'
//
// Picture i is drawn from the seed `seed-i`, so it is the same whoever draws it and in what order.
// `modules` is the folder in which `npm install` was run. A line `done N` is printed every 1000.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

const job = JSON.parse(process.argv[2]);
const require = createRequire(join(job.modules, "package.json"));
const load = (name) => import(pathToFileURL(entry(name)).href);
const { createAvatar } = await load("@dicebear/core");
const collection = await load("@dicebear/collection");
const { Resvg } = require("@resvg/resvg-js");

// The DiceBear packages export only to `import`, which require.resolve does not follow.
function entry(name) {
  const folder = join(job.modules, "node_modules", ...name.split("/"));
  const description = require(join(folder, "package.json"));
  return join(folder, description.main);
}

function draw(seed) {
  const svg = createAvatar(collection[job.style], {
    seed,
    size: job.sizePx,
    backgroundColor: job.backgrounds,
  }).toString();
  const fitTo = { mode: "width", value: job.sizePx };
  const rgba = new Resvg(svg, { fitTo, font: { loadSystemFonts: false } }).render().pixels;
  const rgb = Buffer.allocUnsafe((rgba.length / 4) * 3);
  for (let i = 0, j = 0; i < rgba.length; i += 4) {
    rgb[j++] = rgba[i];
    rgb[j++] = rgba[i + 1];
    rgb[j++] = rgba[i + 2];
  }
  return rgb;
}

const file = openSync(job.out, "w");
for (let i = 0; i < job.count; i++) {
  writeSync(file, draw(`seed-${job.first + i}`));
  if ((i + 1) % 1000 === 0) console.log(`done ${i + 1}`);
}
closeSync(file);
