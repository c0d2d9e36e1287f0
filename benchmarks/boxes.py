"""Wide holes in photographs before any network: the Gaussian start against classical fills.

    python benchmarks/boxes.py [--num-crops 24] [--side-px 192] [--hole-px 64] [--exponent 2.4]

Crops at random places of photographs of the training set (nothing is fitted to them here), a
square hole in the middle of each, PSNR inside the hole. Four test photographs with one hole each
say little about wide holes: whether a hole happens to lie on an edge decides them.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from skimage.restoration import inpaint_biharmonic

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo.restoration.observation import Observation, gaussian_mean  # noqa: E402
from ddpm_demo.restoration.operators import Mask  # noqa: E402
from ddpm_demo.restoration.spectrum import PHOTO, Spectrum  # noqa: E402

DATA = ROOT / "data" / "photos"


def crops(count: int, side_px: int) -> list[np.ndarray]:
    """uint8 [side_px, side_px, 3] each, of `count` different stored pictures."""
    pixels = np.load(DATA / "train.npy", mmap_mode="r")
    rows = np.load(DATA / "train_index.npy")
    rows = rows[(rows[:, 1:3] >= side_px).all(1)]
    random = np.random.default_rng(3)
    chosen = []
    for offset, height, width, channels in rows[random.permutation(len(rows))[:count]]:
        picture = pixels[offset : offset + height * width * channels]
        top, left = (int(random.integers(0, n - side_px + 1)) for n in (height, width))
        picture = np.asarray(picture).reshape(height, width, channels)
        chosen.append(picture[top : top + side_px, left : left + side_px])
    return chosen


def steeper(exponent: float) -> Spectrum:
    """PHOTO with another exponent of brightness, the others as far from it as they are."""
    more = exponent - PHOTO.laws[0].exponent
    return Spectrum(
        tuple(dataclasses.replace(law, exponent=law.exponent + more) for law in PHOTO.laws)
    )


def gaussian(picture: np.ndarray, hole: np.ndarray, spectrum: Spectrum) -> np.ndarray:
    """The mean that the chains start from."""
    x = torch.tensor(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    operator = Mask(torch.from_numpy(~hole)[None, None].float())
    fill = gaussian_mean(Observation(operator, operator.A(x), 0.0, tuple(x.shape[1:])), spectrum)
    return (fill[0].permute(1, 2, 0).clamp(-1, 1).numpy() + 1) * 127.5


def fills(picture: np.ndarray, hole: np.ndarray, spectrum: Spectrum) -> dict[str, np.ndarray]:
    """What each method makes of the picture, float [H, W, 3] in grey levels."""
    mask = hole.astype(np.uint8)
    return {
        "Gaussian mean (ours, before the chains)": gaussian(picture, hole, spectrum),
        "biharmonic": inpaint_biharmonic(picture / 255, hole, channel_axis=-1) * 255,
        "Navier-Stokes": cv2.inpaint(picture, mask, 3, cv2.INPAINT_NS).astype(float),
        "Telea": cv2.inpaint(picture, mask, 3, cv2.INPAINT_TELEA).astype(float),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-crops", type=int, default=24)
    parser.add_argument("--side-px", type=int, default=192)
    parser.add_argument("--hole-px", type=int, default=64)
    parser.add_argument("--exponent", type=float, help="of brightness; colours move with it")
    arguments = parser.parse_args()
    spectrum = PHOTO if arguments.exponent is None else steeper(arguments.exponent)
    side, edge = arguments.side_px, (arguments.side_px - arguments.hole_px) // 2
    hole = np.zeros((side, side), bool)
    hole[edge : edge + arguments.hole_px, edge : edge + arguments.hole_px] = True
    decibels: dict[str, list[float]] = {}
    with torch.inference_mode():
        for picture in crops(arguments.num_crops, side):
            for name, filled in fills(picture, hole, spectrum).items():
                error = np.mean((filled - picture)[hole] ** 2)
                decibels.setdefault(name, []).append(10 * np.log10(255**2 / error))
    ours = np.array(next(iter(decibels.values())))
    print(
        f"{len(ours)} crops of {side} x {side}, a hole of {arguments.hole_px} x "
        f"{arguments.hole_px}\n\n| fill | PSNR in the hole | ours is better in |\n|---|---|---|"
    )
    for name, values in decibels.items():
        better = "" if values is decibels[next(iter(decibels))] else f"{np.sum(ours > values)}"
        print(f"| {name} | {np.mean(values):.2f} | {better} |")


if __name__ == "__main__":
    main()
