"""What mirroring does to pictures that are not symmetric, before any network.

    python benchmarks/mirrors.py faces-64=data/faces-64 fashion-32=data/fashion-32

A network that was trained with flips makes mirrored pictures half of the time. For held-out
pictures, all mirrored, and half of them mirrored: the median distance in pixels to the nearest
training picture, over that of held-out pictures as they are. 1.00 says that flips cost nothing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def ratios(folder: Path, num_images: int) -> tuple[float, float]:
    """(all mirrored, half mirrored) of a data set made by `ddpm_demo.training.datasets`."""
    from ddpm_demo.evaluation.neighbours import memorisation

    train = np.load(folder / "train.npy", mmap_mode="r")
    heldout = np.array(np.load(folder / "heldout.npy", mmap_mode="r")[:num_images])
    mirrored = np.ascontiguousarray(heldout[:, :, ::-1])
    half = np.where((np.arange(len(heldout)) % 2 == 0)[:, None, None, None], mirrored, heldout)
    return memorisation(mirrored, heldout, train).ratio, memorisation(half, heldout, train).ratio


def main() -> None:
    """Prints a row a data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--num-images", type=int, default=500)
    arguments = parser.parse_args()
    print("| data | all mirrored | half mirrored |\n|---|---|---|")
    for pair in arguments.data:
        name, _, folder = pair.partition("=")
        whole, half = ratios(Path(folder), arguments.num_images)
        print(f"| {name} | {whole:.2f} | {half:.2f} |", flush=True)


if __name__ == "__main__":
    main()
