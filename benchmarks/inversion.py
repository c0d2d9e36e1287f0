"""DDIM inversion and back on held-out pictures: the error at 10, 20, 50 and 100 steps.

    python benchmarks/inversion.py faces-64=DATA fashion-32=DATA [--num-images 64] [--ours-alone]

DATA is what `python -m ddpm_demo.training.datasets` makes. Mean squared errors of pictures in
[0, 1], over all pixels of the first pictures held out; pictures are clipped but not rounded.
"plain" is the inversion of Song et al. 2020 (eps of the state before) at the same timesteps or at
evenly spaced ones, "ours" solves each step. "target" is the paper's table 2 for CIFAR-10, and
"std of noise" that of the noise found, 1 for what sampling starts from. Evaluations are those of
the way up, a picture; the way down takes one a step.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

TARGETS = {10: 0.014, 20: 0.0065, 50: 0.0023, 100: 0.0009}
METHODS = (
    ("plain, evenly spaced", "trailing", {"plain": True}),
    ("plain", "karras", {"plain": True}),
    ("ours", "karras", {}),
)


def measure(ddpm, x_0, num_steps, spacing, options, batch_size):
    """(MSE of each picture, evaluations a picture, std of the noise)."""
    import torch

    from ddpm_demo.core.denoiser import without_clipping
    from ddpm_demo.core.inversion import invert, reconstruction
    from ddpm_demo.samplers.ddim import ddim
    from ddpm_demo.samplers.timesteps import make_timesteps

    denoiser = without_clipping(ddpm.denoiser)
    timesteps = make_timesteps(ddpm.schedule, num_steps, spacing)
    errors, evaluations, noises = [], 0, []
    for batch in x_0.split(batch_size):
        *_, top = invert(denoiser, batch, timesteps, **options)
        *_, bottom = ddim(denoiser, top.x_t, timesteps)
        errors += [found.mse for found in reconstruction(batch, bottom.x_t)]
        evaluations += top.num_evaluations * len(batch)
        noises.append(top.x_t)
    return errors, evaluations / len(x_0), float(torch.cat(noises).std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="+", metavar="CHECKPOINT=DATA")
    parser.add_argument("--num-images", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--ours-alone", action="store_true", help="leave plain inversion out")
    parser.add_argument("--num-steps", type=int, nargs="+", default=list(TARGETS))
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    for pair in arguments.pairs:
        name, _, data = pair.partition("=")
        print_table(name, data, arguments)


def print_table(name: str, data: str, arguments: argparse.Namespace) -> None:
    import math

    import torch

    from ddpm_demo import DDPM
    from ddpm_demo.evaluation.data import open_real

    ddpm = DDPM.from_pretrained(name)
    info = ddpm.info
    real = open_real(data, info.size_px, info.channels)
    pictures = torch.from_numpy(real.reference[: arguments.num_images].copy())
    x_0 = (pictures.permute(0, 3, 1, 2).float() / 127.5 - 1).to(ddpm.device)
    held_out = "held-out pictures" if real.is_heldout else "pictures (not held out)"
    print(f"{Path(info.name).name}, weights {info.weight_hash}, {len(x_0)} {held_out}\n")
    print(
        "| steps | method | MSE | worst picture | PSNR, dB | evaluations | std of noise | target |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for num_steps in arguments.num_steps:
        for title, spacing, options in METHODS[2 if arguments.ours_alone else 0 :]:
            errors, evaluations, std = measure(
                ddpm, x_0, num_steps, spacing, options, arguments.batch_size
            )
            mean = sum(errors) / len(errors)
            print(
                f"| {num_steps} | {title} | {mean:.2g} | {max(errors):.2g} "
                f"| {-10 * math.log10(mean):.1f} | {evaluations:.1f} | {std:.2f} "
                f"| {TARGETS.get(num_steps, '')} |",
                flush=True,
            )
    print()


if __name__ == "__main__":
    main()
