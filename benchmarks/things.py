"""Denoising pictures of a checkpoint's own things blindly: whose word on the noise counts.

    python benchmarks/things.py --checkpoint fashion-32 --data data/fashion-32

For held-out pictures of 8 bits with noise of each kind: PSNR in dB (60 at most) of the noisy
picture, with the level that its pixels say, with the one that the prior bears out
(`restoration.noise_by_prior`), with the one that was taken to make it; and the worst that the
prior's word does to one picture.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

MOST_DB = 60.0
JPEG_QUALITY = 90
SIGMAS = (2.0, 4.0, 8.0, 20.0, 50.0)


def noisy(clean: np.ndarray, kind: str, seed: int) -> np.ndarray:
    """A picture [H, W, C] of 8 bits with noise of a kind: "none", "jpeg", "light", or a sigma."""
    if kind == "jpeg":
        file = io.BytesIO()
        picture(clean).save(file, "JPEG", quality=JPEG_QUALITY)
        return np.asarray(Image.open(file)).reshape(clean.shape)
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    if kind == "light":  # of photons: variance in proportion to the brightness
        sigma = 20 * np.sqrt((clean + 8) / 136)
    else:
        sigma = 0.0 if kind == "none" else float(kind)
    return (clean + sigma * noise).round().clip(0, 255).astype(np.uint8)


def picture(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.square(one.astype(np.float64) - other).mean() / 255**2
    return float(min(MOST_DB, -10 * np.log10(max(error, 1e-12))))


def rows(name: str, folder: Path, first: int, count: int) -> None:
    from ddpm_demo import DDPM, DenoiseRecipe
    from ddpm_demo.restoration import noise_by_prior

    ddpm = DDPM.from_pretrained(name)

    def denoised(values: np.ndarray, sigma: float | None) -> np.ndarray:
        recipe = DenoiseRecipe(checkpoint=name, sigma_255=sigma)
        return np.asarray(ddpm.denoise(recipe, picture(values)).images()[0]).reshape(values.shape)

    heldout = np.load(folder / "heldout.npy", mmap_mode="r")[first : first + count]
    print("| noise | noisy | level from pixels | by the prior | known | the worst |")
    print("|---|---|---|---|---|---|")
    for kind in ("none", "jpeg", *map(str, SIGMAS), "light"):
        found = []
        for index, clean in enumerate(heldout):
            seen = noisy(clean, kind, index)
            with mock.patch.object(noise_by_prior, "believed", lambda found, *_: found):
                pixels = psnr(denoised(seen, None), clean)
            known = float(kind) if kind[0].isdigit() else None
            told = float("nan") if known is None else psnr(denoised(seen, known), clean)
            found.append((psnr(seen, clean), pixels, psnr(denoised(seen, None), clean), told))
        table = np.array(found)
        cells = [*table.mean(0), (table[:, 2] - table[:, 1]).min()]
        print(f"| {kind} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)


def main() -> None:
    """Prints a row a kind of noise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="fashion-32")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--first", type=int, default=400, help="of the held-out pictures")
    parser.add_argument("--num-images", type=int, default=48)
    arguments = parser.parse_args()
    rows(arguments.checkpoint, arguments.data, arguments.first, arguments.num_images)


if __name__ == "__main__":
    main()
