"""Which timesteps suit few steps: distance of each sampler to the solved ODE, on a real network.

    python benchmarks/spacing.py [--checkpoint fashion-32]

The reference is DPM-Solver++ 2M in 200 steps from the same noise; the figure is the root mean
square difference of the finished pictures in [-1, 1] units.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ddpm_demo import DDPM
from ddpm_demo.tasks.generate import GenerateRecipe

SPACINGS = ("trailing", "linspace", "logsnr", "karras")
SAMPLERS = ("dpmpp_2m", "unipc", "deis", "ddim")


def main() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="fashion-32")
    parser.add_argument("--num-images", type=int, default=8)
    arguments = parser.parse_args()
    ddpm = DDPM.from_pretrained(arguments.checkpoint)
    base = GenerateRecipe(
        checkpoint=arguments.checkpoint, num_images=arguments.num_images, seed=100
    )

    def pictures(sampler: str, num_steps: int, spacing: str) -> object:
        recipe = base.replace(sampler=sampler, num_steps=num_steps, spacing=spacing)
        *_, last = ddpm.generate(recipe)
        return last.x_t

    reference = pictures("dpmpp_2m", 200, "trailing")
    print(f"{arguments.checkpoint}\n\n| sampler | steps | {' | '.join(SPACINGS)} |")
    print(f"|---|---|{'---|' * len(SPACINGS)}")
    for sampler in SAMPLERS:
        for num_steps in (10, 20):
            distances = [
                (pictures(sampler, num_steps, s) - reference).square().mean().sqrt().item()
                for s in SPACINGS
            ]
            cells = " | ".join(f"{d:.3f}" for d in distances)
            print(f"| {sampler} | {num_steps} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
