"""What DDPM's fresh noise is for: the same starts with it, without it, and under DDIM.

    python benchmarks/without_noise.py [--checkpoint faces-64] [--count 6] [--out FILE]

Prints how much the pictures differ from start to start, and with --out draws them, a row a way.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ddpm_demo import DDPM
from ddpm_demo.core.denoiser import Denoiser
from ddpm_demo.core.noise import NoiseSource
from ddpm_demo.pictures.images import to_pil
from ddpm_demo.samplers.timesteps import make_timesteps

WAYS = ("ddpm", "ddpm without its noise", "ddim")


@torch.inference_mode()
def end_of(way: str, denoiser: Denoiser, start: torch.Tensor, num_steps: int) -> torch.Tensor:
    """The pictures [B, C, H, W] where `start` ends, one of `WAYS`."""
    schedule, noise, x = denoiser.schedule, NoiseSource(range(100, 100 + len(start))), start
    times = make_timesteps(schedule, num_steps, "trailing")
    for t, s in zip(times, [*times[1:], -1], strict=True):
        said = denoiser.predict(x, t)
        if way == "ddim":
            abar = schedule.abar(s)
            x = abar**0.5 * said.x0 + (1 - abar) ** 0.5 * said.eps
            continue
        c_0, c_t, variance = schedule.posterior_coefficients(t, s)
        x = c_0 * said.x0 + c_t * x
        if way == "ddpm" and s >= 0:
            x = x + variance**0.5 * noise.randn(x.shape[1:])
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="faces-64")
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    ddpm = DDPM.from_pretrained(given.checkpoint)
    size = (ddpm.denoiser.channels, ddpm.info.size_px, ddpm.info.size_px)
    start = NoiseSource(range(7, 7 + given.count)).randn(size)
    rows = []
    for way in WAYS:
        pictures = end_of(way, ddpm.denoiser, start, given.steps)
        print(f"{way}: deviation from start to start {float(pictures.std(0).mean()):.3f}")
        rows.append(torch.cat(list(pictures), dim=2))
    if given.out:
        to_pil(torch.cat(rows, dim=1)[None])[0].save(given.out)


if __name__ == "__main__":
    main()
