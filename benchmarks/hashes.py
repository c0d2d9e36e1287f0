"""Pictures of every task and bundled checkpoint as hashes: what a rebuild must not change.

    .venv/bin/python benchmarks/hashes.py --out before.json        # in the old tree
    .venv/bin/python benchmarks/hashes.py --compare before.json    # in the new one

Hashes are of the pixels, and hold on one machine with one build of torch: other processors round
otherwise. `--root` runs the program of another folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

CHECKPOINTS = ("fashion-32", "faces-64", "photos")
SAMPLERS = ("dpmpp_2m", "unipc", "deis", "ddim", "heun", "dpmpp_2m_sde", "euler_a", "ddpm")


def digest(images):
    """The first 16 hex digits of the SHA-256 of the pictures' modes, sizes and pixels."""
    found = hashlib.sha256()
    for image in images:
        found.update(f"{image.mode} {image.size}".encode() + image.tobytes())
    return found.hexdigest()[:16]


def picture(width, height, mode="RGB"):
    """A drawn picture with edges, a gradient and grain."""
    y, x = np.mgrid[0:height, 0:width]
    grain = np.random.default_rng(1).normal(0, 12, (height, width, 3))
    rgb = np.stack([3 * x % 256, 2 * y + 40, 255 - x - y], -1) + grain
    rgb[height // 4 : height // 2, width // 4 : width // 2] = (200, 60, 40)
    return Image.fromarray(rgb.clip(0, 255).astype(np.uint8)).convert(mode)


def hole(width, height):
    mask = Image.new("L", (width, height), 0)
    mask.paste(255, (width // 3, height // 3, width // 2, height // 2))
    return mask


def cases():
    """(name, checkpoint, function of a loaded DDPM that gives a run)."""
    import ddpm_demo as d

    for name in CHECKPOINTS:
        side = {"fashion-32": 32, "faces-64": 64, "photos": 48}[name]
        for sampler in SAMPLERS:
            recipe = d.GenerateRecipe(
                checkpoint=name, num_images=2, seed=5, sampler=sampler, num_steps=4, size_px=side
            )
            yield f"generate {sampler}", name, lambda ddpm, r=recipe: ddpm.generate(r)
        shared = {"checkpoint": name, "seed": 3}
        size = (side, side) if name != "photos" else (141, 110)
        image = picture(*size)
        noised = d.DenoiseRecipe(**shared, add_noise_255=25.0)
        yield "denoise added", name, lambda ddpm, r=noised, i=image: ddpm.denoise(r, i)
        given = d.DenoiseRecipe(**shared, sigma_255=20.0, perception=0.5, num_steps=3)
        yield "denoise given", name, lambda ddpm, r=given, i=image: ddpm.denoise(r, i)
        for perception in (0.0, 1.0):
            fill = d.InpaintRecipe(**shared, perception=perception, num_steps=4)
            yield (
                f"inpaint {perception:g}",
                name,
                lambda ddpm, r=fill, i=image: ddpm.inpaint(r, i, hole(*i.size)),
            )
        soft = d.InpaintRecipe(**shared, num_steps=3, feather_px=3, time_travel=1)
        yield "inpaint soft", name, lambda ddpm, r=soft, i=image: ddpm.inpaint(r, i, hole(*i.size))
        small = image.resize((image.width // 2, image.height // 2))
        large = d.UpscaleRecipe(**shared, factor=2, num_steps=4)
        yield "upscale", name, lambda ddpm, r=large, i=small: ddpm.upscale(r, i)
        sharp = d.DeblurRecipe(**shared, num_steps=3, radius_px=1.5)
        yield "deblur", name, lambda ddpm, r=sharp, i=image: ddpm.deblur(r, i)
        if name != "fashion-32":
            colour = d.ColouriseRecipe(**shared, num_steps=3)
            grey = image.convert("L")
            yield "colourise", name, lambda ddpm, r=colour, i=grey: ddpm.colourise(r, i)
        between = d.InterpolateRecipe(
            checkpoint=name, ends=("seed:1", "image"), num_between=1, num_steps=4, size_px=side
        )
        yield "interpolate", name, lambda ddpm, r=between, i=image: ddpm.interpolate(r, [i])
        mixed = d.InterpolateRecipe(
            checkpoint=name, num_between=1, num_steps=4, method="ddpm", t=300, size_px=side
        )
        yield "interpolate ddpm", name, lambda ddpm, r=mixed: ddpm.interpolate(r)
        there = d.DiffuseRecipe(checkpoint=name, t=400, num_steps=4, size_px=side)
        yield "diffuse", name, lambda ddpm, r=there, i=image: ddpm.diffuse(r, i)
        fork = d.DiffuseRecipe(
            checkpoint=name, num_images=2, num_steps=4, branch_at=2, size_px=side
        )
        yield "diffuse branch", name, lambda ddpm, r=fork: ddpm.diffuse(r)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--out", type=Path, help="where the hashes go")
    parser.add_argument("--compare", type=Path, help="hashes of before")
    args = parser.parse_args()
    sys.path.insert(0, str(args.root))
    import torch

    from ddpm_demo import DDPM

    torch.set_num_threads(1)
    loaded, hashes = {}, {}
    for case, name, start in cases():
        if name not in loaded:
            loaded[name] = DDPM.from_pretrained(name)
        hashes[f"{name}: {case}"] = digest(start(loaded[name]).images())
    if args.out:
        args.out.write_text(json.dumps(hashes, indent=1) + "\n")
    before = json.loads(args.compare.read_text()) if args.compare else hashes
    changed = [key for key in {**before, **hashes} if before.get(key) != hashes.get(key)]
    print("\n".join([*(f"changed: {key}" for key in changed), f"{len(hashes)} hashes"]))
    return 1 if changed else 0


if __name__ == "__main__":
    raise SystemExit(main())
