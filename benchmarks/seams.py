"""Whether the tiles of a large picture show: against one pass over the whole of it.

    python benchmarks/seams.py PHOTO [--width 656] [--height 496]

The middle of a photograph under white noise of sigma 25, in the tiles that large pictures take,
and at once. Printed are the differences where tiles overlap and elsewhere, in 8-bit levels, and
the PSNR of both.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo import DDPM  # noqa: E402
from ddpm_demo.core.denoiser import TiledDenoiser, tile_starts  # noqa: E402
from ddpm_demo.pictures.images import to_tensor  # noqa: E402
from ddpm_demo.pictures.similarity import psnr  # noqa: E402
from ddpm_demo.restoration.fit import fit  # noqa: E402

SIGMA = 25 / 127.5


def edges(length: int, tile_px: int, overlap_px: int) -> np.ndarray:
    """bool [length], True where two tiles overlap."""
    count = np.zeros(length, int)
    for start in tile_starts(length, tile_px, overlap_px):
        count[start : start + tile_px] += 1
    return count > 1


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--width", type=int, default=656)
    parser.add_argument("--height", type=int, default=496)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    image, width, height = Image.open(arguments.photo), arguments.width, arguments.height
    left, top = (image.width - width) // 2, (image.height - height) // 2
    x = to_tensor(image.crop((left, top, left + width, top + height)), 3)
    y = x + SIGMA * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    ddpm = DDPM.from_pretrained("photos", "cpu")
    place = fit(ddpm.info, 5000, 5000)
    tiled = TiledDenoiser(ddpm.denoiser, place.tile_px, place.overlap_px)
    t = ddpm.schedule.t_from_sigma(SIGMA)
    x_t = ddpm.schedule.abar(t) ** 0.5 * y
    whole, in_tiles = (network.predict(x_t, t).x0 for network in (ddpm.denoiser, tiled))
    difference = 127.5 * (whole - in_tiles).abs().mean((0, 1)).numpy()
    sides = (place.tile_px, place.overlap_px)
    at_edge = edges(height, *sides)[:, None] | edges(width, *sides)
    print(f"whole {psnr(whole, x):.2f} dB, in tiles {psnr(in_tiles, x):.2f} dB")
    print(f"where tiles overlap {difference[at_edge].mean():.3f} levels")
    print(f"elsewhere {difference[~at_edge].mean():.3f} levels")


if __name__ == "__main__":
    main()
