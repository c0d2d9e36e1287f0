"""Where a checkpoint's KID comes from: pictures noised to a level, and sampled from there.

    python benchmarks/by_level.py --checkpoint faces-64 --data DATA [--num-images 250]

The pictures are held-out ones. From the lowest levels only the finest detail is made anew, from
the highest everything. What KID rises by between two levels is what is wrong with the network
there; training can then draw its noise levels where it pays (`log_sigma`, docs/training.md).
Sampler and steps are the default's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo.core.noise import NoiseSource  # noqa: E402
from ddpm_demo.evaluation.distances import fid, kid  # noqa: E402
from ddpm_demo.evaluation.features import cache_folder, cached_features, load_extractor  # noqa: E402
from ddpm_demo.pictures.images import to_pil  # noqa: E402
from ddpm_demo.pipeline import DDPM  # noqa: E402
from ddpm_demo.samplers.sample import sample  # noqa: E402
from ddpm_demo.samplers.timesteps import timesteps_for  # noqa: E402
from ddpm_demo.training.data import to_model  # noqa: E402

REAL, BATCH = 2000, 50
SIGMAS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 80.0)


@torch.inference_mode()
def sampled_again(ddpm: DDPM, pictures: np.ndarray, times: list[float]) -> np.ndarray:
    """Pictures [N, H, W, C] noised to times[0] and sampled from there; seeds 0 to N - 1."""
    found = []
    abar = ddpm.schedule.abar(times[0])
    for start in range(0, len(pictures), BATCH):
        x_0 = to_model(pictures[start : start + BATCH])
        noise = NoiseSource(range(start, start + len(x_0)))
        x_t = abar**0.5 * x_0 + (1 - abar) ** 0.5 * noise.randn(tuple(x_0.shape[1:]))
        *_, last = sample(ddpm.info.default_sampler, ddpm.denoiser, x_t, times, noise)
        found += [np.asarray(picture) for picture in to_pil(last.x_t)]
    return np.stack(found).reshape(pictures.shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="faces-64", help="a name, or a folder")
    parser.add_argument("--data", type=Path, required=True, help="the folder of its data set")
    parser.add_argument("--num-images", type=int, default=250)
    asked = parser.parse_args()
    ddpm = DDPM.from_pretrained(asked.checkpoint)
    schedule, info = ddpm.schedule, ddpm.info
    held_out = np.load(asked.data / "heldout.npy", mmap_mode="r")
    held_out = held_out if held_out.ndim == 4 else held_out[..., None]
    extract = load_extractor("efficientnet-lite0")
    real = cached_features(extract, held_out[:REAL], cache_folder())
    others = np.array(held_out[REAL : REAL + asked.num_images])
    every = timesteps_for(
        schedule, info.default_sampler, info.default_num_steps, None, info.learned_steps
    )
    print("| sigma | steps | KID | FID |\n|---|---|---|---|")
    for sigma in (0.0, *SIGMAS):
        start = schedule.t_from_sigma(sigma) if sigma else 0.0
        times = [start, *(t for t in every if t < 0.98 * start)] if sigma else []
        pictures = sampled_again(ddpm, others, times) if times else others
        features = extract(pictures)
        distances = f"{kid(real, features).mean:.4f} | {fid(real, features):.1f}"
        print(f"| {sigma:g} | {len(times)} | {distances} |", flush=True)


if __name__ == "__main__":
    main()
