"""The stored numbers and pictures of the How it works tab, from the bundled checkpoints.

    python benchmarks/story_numbers.py [--checkpoint faces-64]

Writes ddpm_demo/ui/tabs/process/numbers/: `film.json`, `few.json`, `losses.json`, `cost.json` and
the sheets of pictures that they name. Made anew whenever the checkpoint's weights change.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.pictures.images import to_pil
from ddpm_demo.pipeline import DDPM
from ddpm_demo.process.training_step import loss_per_t, spread_timesteps
from ddpm_demo.samplers.sample import sample
from ddpm_demo.samplers.table import SAMPLERS
from ddpm_demo.samplers.timesteps import make_timesteps
from ddpm_demo.ui.tabs.process.measure import held_out_sample

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "ddpm_demo" / "ui" / "tabs" / "process" / "numbers"
SEED, FILM_STEPS, FILM_FRAMES = 7, 100, 13
FEW_STEPS = (1, 2, 5, 10, 20, 50)
FEW_SAMPLERS = ("ddpm", "ddim", "dpmpp_2m")
SIZES = (16, 32, 64, 128, 256)


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """All in one row."""
    return Image.fromarray(np.concatenate([np.asarray(p) for p in pictures], axis=1))


def write(name: str, values: dict) -> None:
    (FOLDER / f"{name}.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    print(name, {k: v for k, v in values.items() if not isinstance(v, list)}, flush=True)


def start_of(ddpm: DDPM) -> tuple[torch.Tensor, NoiseSource]:
    noise = NoiseSource.for_run(SEED, 1)
    side = ddpm.info.size_px
    return noise.randn((ddpm.denoiser.channels, side, side)), noise


def film(ddpm: DDPM) -> None:
    """A run of DDPM, its states and what the network makes of them."""
    x_t, noise = start_of(ddpm)
    times = make_timesteps(ddpm.schedule, FILM_STEPS, "trailing")
    steps = list(sample("ddpm", ddpm.denoiser, x_t, times, noise, variance=ddpm.variance))
    chosen = np.linspace(0, FILM_STEPS, FILM_FRAMES).round().astype(int)
    for name in ("x_t", "x0_hat"):
        pictures = [to_pil(getattr(steps[k], name))[0] for k in chosen]
        sheet(pictures).save(FOLDER / f"film-{name}.png", optimize=True)
    write("film", {
        "checkpoint": ddpm.info.name, "weight_hash": ddpm.info.weight_hash, "seed": SEED,
        "total": FILM_STEPS, "side": ddpm.info.size_px, "index": chosen.tolist(),
        "t": [int(steps[k].t) for k in chosen],
    })  # fmt: skip


def few(ddpm: DDPM) -> None:
    """The same noise in few steps and in many, by three samplers."""
    rows = []
    for name in FEW_SAMPLERS:
        pictures = []
        for count in FEW_STEPS:
            x_t, noise = start_of(ddpm)
            times = make_timesteps(ddpm.schedule, count, SAMPLERS[name].spacing)
            *_, last = sample(name, ddpm.denoiser, x_t, times, noise, variance=ddpm.variance)
            pictures.append(to_pil(last.x0_hat)[0])
        sheet(pictures).save(FOLDER / f"few-{name}.png", optimize=True)
        rows.append({"name": name, "title": SAMPLERS[name].title})
    write("few", {
        "checkpoint": ddpm.info.name, "weight_hash": ddpm.info.weight_hash, "seed": SEED,
        "steps": list(FEW_STEPS), "side": ddpm.info.size_px, "rows": rows,
    })  # fmt: skip


def losses(ddpm: DDPM) -> None:
    """The mean squared errors at each t over pictures held out of training."""
    x_0 = held_out_sample(ddpm)
    noise = NoiseSource.for_run(0, len(x_0))
    found = list(loss_per_t(ddpm.denoiser, x_0, spread_timesteps(1000, 24), noise))
    write("losses", {
        "checkpoint": ddpm.info.name, "weight_hash": ddpm.info.weight_hash,
        "num_images": len(x_0), "t": [one.t + 1 for one in found],
        **{key: [float(f"{getattr(one, at):.4g}") for one in found]
           for key, at in (("eps", "eps"), ("x0", "x0"), ("v", "v"))},
    })  # fmt: skip


def cost(ddpm: DDPM) -> None:
    """Multiplications and additions of one evaluation at each size, counted by torch."""
    unet = ddpm.denoiser.unet.to("meta")
    gflops = []
    for side in SIZES:
        x = torch.empty(1, ddpm.denoiser.channels, side, side, device="meta")
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            unet(x, torch.zeros((), device="meta"))
        gflops.append(counter.get_total_flops() / 1e9)
    area = np.array(SIZES, dtype=float) ** 2
    terms = np.stack([area, area**2], axis=1)
    flops = np.array(gflops) * 1e9
    conv, attention = np.linalg.lstsq(terms / flops[:, None], np.ones(len(SIZES)), rcond=None)[0]
    off = float(np.abs(terms @ [conv, attention] / flops - 1).max())
    write("cost", {
        "checkpoint": ddpm.info.name, "weight_hash": ddpm.info.weight_hash, "sizes": list(SIZES),
        "gflops": gflops, "conv": float(conv), "attention": float(attention), "off": off,
    })  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="faces-64")
    args = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    ddpm = DDPM.from_pretrained(args.checkpoint, "cpu")
    film(ddpm)
    few(ddpm)
    losses(ddpm)
    cost(ddpm)


if __name__ == "__main__":
    main()
