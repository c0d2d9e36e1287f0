"""Colours of photographs: how far a picture is reduced for the prior, and where its chains start.

    python benchmarks/colours.py --photos DIR [--side 384] [--seeds 2]

Colour pictures are seen in grey and coloured again. Printed for each way, in the mean: PSNR of
samples and of grey itself, the cosine between features of the original and of the result (higher
is more alike to what recognises things), and CPU seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo import DDPM, ColouriseRecipe  # noqa: E402
from ddpm_demo.evaluation.features import load_extractor  # noqa: E402
from ddpm_demo.pictures.images import to_pil  # noqa: E402
from ddpm_demo.pictures.similarity import psnr  # noqa: E402
from ddpm_demo.restoration import fit, settings  # noqa: E402
from ddpm_demo.restoration.canvas import from_pixels  # noqa: E402
from ddpm_demo.restoration.chains import run_chains  # noqa: E402
from ddpm_demo.restoration.colouring import Frame, brightness, reduced_size  # noqa: E402
from ddpm_demo.restoration.observation import Observation  # noqa: E402
from ddpm_demo.restoration.operators import Grey  # noqa: E402
from ddpm_demo.restoration.solve import Settings  # noqa: E402
from ddpm_demo.restoration.window import Window  # noqa: E402

# Whether the picture is reduced, and how the chain goes: as the program does it, and as it did.
WAYS = [(True, settings.of_colours()), (True, Settings()), (False, Settings())]


def coloured(prior: DDPM, pixels: np.ndarray, size: tuple[int, int], how: Settings, seed: int):
    """A sample [1, 3, H, W], seen by the prior at `size`."""
    frame = Frame.of(pixels, size)
    recipe = ColouriseRecipe(checkpoint=prior.info.name, seed=seed)
    seen = Observation(Grey(), frame.low, 0.0, (3, size[1], size[0]))
    place = fit.fit(prior.info, *size)
    *_, last = run_chains(prior, place, seen, recipe, how, lambda x: x)
    return frame.coloured(last.x0_hat, Window(0, 0, *pixels.shape[:2]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--side", type=int, default=384, help="pictures are reduced to this")
    parser.add_argument("--seeds", type=int, default=2)
    args = parser.parse_args()
    prior, extract = DDPM.from_pretrained("photos", "cpu"), load_extractor("efficientnet-lite0")
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for path in sorted(args.photos.iterdir()):
        image = Image.open(path).convert("RGB")
        image.thumbnail((args.side, args.side), Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
        original = from_pixels(pixels, 3)

        def features(x: torch.Tensor, size: tuple[int, int] = (224, 224)) -> torch.Tensor:
            return extract(np.asarray(to_pil(x)[0].convert("RGB").resize(size))[None])

        def add(name: str, x: torch.Tensor, seconds: float) -> None:
            alike = torch.cosine_similarity(features(x), features(original))  # noqa: B023
            rows.setdefault(name, []).append((psnr(x, original), float(alike), seconds))  # noqa: B023

        grey = brightness(pixels, Window(0, 0, *pixels.shape[:2])).expand(1, 3, -1, -1)
        add("grey", grey, 0.0)
        for is_reduced, how in WAYS:
            size = reduced_size(prior.info, *image.size) if is_reduced else image.size
            for seed in range(args.seeds):
                begun = time.process_time()
                x = coloured(prior, pixels, size, how, seed)
                seen = "reduced" if is_reduced else "in tiles"
                name = f"{seen}, from {how.sigma_start:g}, {how.num_steps}"
                add(name, x, time.process_time() - begun)
    print("| way | PSNR | features | CPU s |\n|---|---|---|---|")
    for name, found in rows.items():
        mean = np.mean(found, 0)
        print(f"| {name} | {mean[0]:.2f} | {mean[1]:.3f} | {mean[2]:.1f} |")


if __name__ == "__main__":
    main()
