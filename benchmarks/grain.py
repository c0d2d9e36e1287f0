"""How much grain KID sees: held-out faces with a little noise against other held-out faces.

    python benchmarks/grain.py [--num-images 200]

Noise of one 8-bit level, which nobody sees, moves KID more than most of what training changes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo.evaluation.distances import kid  # noqa: E402
from ddpm_demo.evaluation.features import cache_folder, cached_features, load_extractor  # noqa: E402

REAL, LEVELS = 2000, (0.0, 0.5, 1.0, 2.0, 4.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-images", type=int, default=200)
    count = parser.parse_args().num_images
    held_out = np.load(ROOT / "data" / "faces-64" / "heldout.npy", mmap_mode="r")
    extract = load_extractor("efficientnet-lite0")
    real = cached_features(extract, held_out[:REAL], cache_folder())
    others = held_out[REAL : REAL + count].astype(np.float64)
    random = np.random.default_rng(0)
    print("| standard deviation, 8-bit levels | KID |\n|---|---|")
    for level in LEVELS:
        noisy = others + level * random.standard_normal(others.shape)
        pictures = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        print(f"| {level} | {kid(real, extract(pictures)).mean:.4f} |")


if __name__ == "__main__":
    main()
