"""Every sampler's error against the exact Gaussian denoiser: the tables of docs/samplers.md.

    python benchmarks/convergence.py

The prior is N(0.2, 0.25^2), in float64, so that whatever differs from it is the sampler's own
error at that number of steps and not a network's.
"""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.core.oracles import GaussianDenoiser
from ddpm_demo.core.schedule import Schedule
from ddpm_demo.core.step import Step
from ddpm_demo.samplers.sample import sample
from ddpm_demo.samplers.table import SAMPLERS
from ddpm_demo.samplers.timesteps import make_timesteps

MEAN, STD = 0.2, 0.25
IMAGE_SHAPE = (1, 64, 64)


def last_step(name: str, denoiser: GaussianDenoiser, num_steps: int, spacing: str) -> list[Step]:
    """The first and the last state of a run of eight pictures."""
    noise = NoiseSource.for_run(0, 8, dtype=torch.float64)
    timesteps = make_timesteps(denoiser.schedule, num_steps, spacing)
    first, *_, last = sample(name, denoiser, noise.randn(IMAGE_SHAPE), timesteps, noise)
    return [first, last]


def print_moments(denoiser: GaussianDenoiser, title: str, spacing: str | None) -> None:
    """Mean and standard deviation of the pictures made, as a table over steps."""
    print(f"\n### {title}\n\n| sampler | spacing | 10 steps | 20 steps | 50 steps |")
    print("|---|---|---|---|---|")
    for name, info in SAMPLERS.items():
        chosen = spacing or info.spacing
        cells = []
        for num_steps in (10, 20, 50):
            values = last_step(name, denoiser, num_steps, chosen)[1].x_t
            cells.append(f"{values.mean():.3f} / {values.std():.3f}")
        print(f"| {info.title} | {chosen} | {' | '.join(cells)} |")


def print_orders(denoiser: GaussianDenoiser, title: str) -> None:
    """Largest error of the deterministic samplers against the exact flow, and the order fitted."""
    steps = (10, 20, 40, 80, 160, 320)
    heads = " | ".join(f"{n}" for n in steps)
    print(f"\n### {title}\n\n| sampler | {heads} | order |\n|---|{'---|' * (len(steps) + 1)}")
    for name in ("ddim", "dpmpp_2m", "heun", "unipc"):
        errors = []
        for num_steps in steps:
            first, last = last_step(name, denoiser, num_steps, "karras")
            # The samplers' own limit: the flow to t = 0, then the estimate made there.
            limit = denoiser.predict(denoiser.flow(first.x_t, first.t, 0), 0).x0
            errors.append((last.x_t - limit).abs().max().item())
        order = math.log2(errors[1] / errors[-1]) / math.log2(steps[-1] / steps[1])
        cells = " | ".join(f"{e:.1e}" for e in errors)
        print(f"| {SAMPLERS[name].title} | {cells} | {order:.2f} |")


def main() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    ends = {"beta_start": 1e-4, "beta_end": 0.02}
    linear = GaussianDenoiser(Schedule.from_config({"beta_schedule": "linear", **ends}), MEAN, STD)
    cosine = Schedule.from_config({"beta_schedule": "squaredcos_cap_v2"})
    cosine_denoiser = GaussianDenoiser(cosine, MEAN, STD)
    print_moments(linear, "Linear betas, leading spacing: mean / standard deviation", "leading")
    print_moments(linear, "Linear betas, each sampler's own spacing", None)
    print_moments(cosine_denoiser, "Cosine betas, each sampler's own spacing", None)
    print_orders(linear, "Linear betas, karras spacing: largest error against the exact flow")
    print_orders(cosine_denoiser, "Cosine betas, karras spacing: the same")
    values = last_step("ddpm", linear, 1000, "trailing")[1].x_t
    print(f"\nAncestral DDPM at 1000 steps, linear betas: mean {values.mean():.4f},", end=" ")
    print(f"standard deviation {values.std():.4f}.")


if __name__ == "__main__":
    main()
