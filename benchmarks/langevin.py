"""Annealed Langevin dynamics beside DDIM at equal evaluations: the tables of docs/samplers.md.

    python benchmarks/langevin.py [--kid DATA] [--num-images 200] [--checkpoint fashion-32]

First the exact Gaussian N(0.2, 0.25^2), then, with --kid, the KID of a checkpoint against the
held-out pictures of DATA, which is a folder of `python -m ddpm_demo.training.datasets`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.samplers.sample import sample
from ddpm_demo.samplers.table import SAMPLERS
from ddpm_demo.samplers.timesteps import make_timesteps

MEAN, STD = 0.2, 0.25
# (levels, updates at each, step size)
EXACT = ((25, 2, 2.0), (50, 4, 2.0), (100, 5, 2.0), (100, 8, 2.0), (100, 5, 1.0), (100, 5, 0.2))
KID = (("ddim", 100, None, None), ("langevin", 20, 5, 0.2), ("langevin", 20, 5, 0.5),
       ("langevin", 20, 5, 1.0), ("langevin", 50, 2, 1.0), ("langevin", 20, 5, 2.0))  # fmt: skip


def print_exact() -> None:
    """Mean and standard deviation over eight pictures of 64 x 64, both schedules."""
    print("| levels | updates | step size | evaluations | linear | cosine |")
    print("|---|---|---|---|---|---|")
    names = ("linear", "squaredcos_cap_v2")
    for levels, updates, size in EXACT:
        cells = []
        for name in names:
            schedule = Schedule.from_config({"beta_schedule": name})
            noise = NoiseSource.for_run(0, 8, dtype=torch.float64)
            times = make_timesteps(schedule, levels, SAMPLERS["langevin"].spacing)
            *_, last = sample(
                "langevin",
                GaussianDenoiser(schedule, MEAN, STD),
                noise.randn((1, 64, 64)),
                times,
                noise,
                langevin_steps=updates,
                step_size=size,
            )
            cells.append(f"{last.x_t.mean():.4f} / {last.x_t.std():.4f}")
        print(f"| {levels} | {updates} | {size} | {levels * updates} | {' | '.join(cells)} |")


def print_kid(checkpoint: str, data: str, num_images: int) -> None:
    """KID of every way, the same seeds, one line each as it is measured."""
    from ddpm_demo.evaluation.config import EvaluationConfig
    from ddpm_demo.evaluation.data import open_real
    from ddpm_demo.evaluation.distances import kid
    from ddpm_demo.evaluation.evaluate import reference_images
    from ddpm_demo.evaluation.features import load_extractor
    from ddpm_demo.pictures.images import to_pil
    from ddpm_demo.pipeline import DDPM
    from ddpm_demo.tasks.generate import GenerateRecipe

    ddpm = DDPM.from_pretrained(checkpoint)
    config = EvaluationConfig(GenerateRecipe(checkpoint=checkpoint), data, num_real=2000)
    extract = load_extractor(config.features, ddpm.device)
    channels, side = ddpm.denoiser.channels, ddpm.info.size_px
    real = extract(reference_images(open_real(data, side, channels), config))
    print(f"\n{checkpoint} (weights {ddpm.info.weight_hash}), {num_images} samples\n")
    print(
        "| sampler | steps or levels | updates | step size | KID | ± |\n|---|---|---|---|---|---|"
    )
    for name, steps, updates, size in KID:
        times = make_timesteps(ddpm.schedule, steps, SAMPLERS[name].spacing)
        pictures = []
        for first in range(0, num_images, 50):
            noise = NoiseSource.for_run(first, min(50, num_images - first), ddpm.device)
            knobs = {"langevin_steps": updates, "step_size": size}
            x_t = noise.randn((channels, side, side))
            *_, last = sample(name, ddpm.denoiser, x_t, times, noise, **knobs)
            pictures += [np.asarray(image) for image in to_pil(last.x0_hat)]
        samples = np.stack(pictures)
        found = kid(real, extract(samples if samples.ndim == 4 else samples[..., None]))
        row = f"| {name} | {steps} | {updates or ''} | {size or ''} "
        print(f"{row}| {found.mean:.4f} | {found.std:.4f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kid", metavar="DATA")
    parser.add_argument("--checkpoint", default="fashion-32")
    parser.add_argument("--num-images", type=int, default=200)
    args = parser.parse_args()
    print_exact()
    if args.kid:
        print_kid(args.checkpoint, args.kid, args.num_images)


if __name__ == "__main__":
    main()
