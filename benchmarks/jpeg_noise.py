"""White noise under JPEG, blind: what is found with the file's header and without it.

    python benchmarks/held_out.py DIR
    python benchmarks/jpeg_noise.py DIR [--size 256] [--photos 8] [--save FILE] [--write-docs]
    python benchmarks/jpeg_noise.py DIR --alike [--write-docs]     # means of 3 x 3 of white noise

"Without" is the same pixels as an array, which does not say how they were compressed. Missed are
photographs that came back as they were. Those without noise are compared with the JPEG itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from camera_noise import DOCS, Ours, jpeg, psnr, to_8_bit
from held_out import crops
from PIL import Image
from scipy.ndimage import convolve

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo.evaluation.report import markdown_table  # noqa: E402

QUALITIES, SIGMAS = (70, 60, 80, 90), (20, 10, 0)
ALIKE_SIGMAS = (12,)
NOTHING_255 = 1.7
MARK = "<!-- printed by benchmarks/jpeg_noise.py -->"
ALIKE_MARK = "<!-- printed by benchmarks/jpeg_noise.py --alike -->"


def measure(arguments: argparse.Namespace) -> dict[str, list[list[float]]]:
    """ "quality/subsampling/sigma" -> for each photograph [noisy, without, with, level without,
    level with]."""
    found = {}
    if arguments.save and arguments.save.exists():
        found = json.loads(arguments.save.read_text())
    photos = list(crops(arguments.photos_folder, arguments.size).values())[: arguments.photos]
    ours = Ours()
    for subsampling in arguments.subsamplings.split(","):
        for quality in QUALITIES:
            for sigma in ALIKE_SIGMAS if arguments.alike else SIGMAS:
                rows = found.setdefault(f"{quality}/{subsampling}/{sigma}", [])
                for seed, photo in list(enumerate(photos))[len(rows) :]:
                    noise = sigma * np.random.default_rng(seed).standard_normal(photo.shape)
                    if arguments.alike:
                        noise = convolve(noise, np.ones((3, 3, 1)) / 3, mode="mirror")
                    image = jpeg(to_8_bit(photo + noise), quality, subsampling)
                    truth = np.asarray(image) if sigma == 0 else photo
                    plain, level = ours(Image.fromarray(np.asarray(image)), None)
                    # What finds the same does the same.
                    told, told_level = plain, level
                    if ours.level(image) != level:
                        told, told_level = ours(image, None)
                    row = [psnr(np.asarray(image), truth), psnr(plain, truth), psnr(told, truth)]
                    rows.append([*row, level, told_level])
                    if arguments.save:
                        arguments.save.write_text(json.dumps(found))
    return found


def table(found: dict[str, list[list[float]]]) -> str:
    rows = []
    for key, values in found.items():
        quality, subsampling, sigma = key.split("/")
        if not values:
            continue
        numbers = np.array(values)
        mean, missed = numbers.mean(0), (numbers[:, 3:] < NOTHING_255).sum(0)
        levels = [f"{np.median(numbers[:, column]):.1f}" for column in (3, 4)]
        rows.append([
            quality, f"4:{subsampling[1]}:{subsampling[2]}", sigma,
            *(f"{value:.2f}" for value in mean[:3]),
            f"{(numbers[:, 2] - numbers[:, 0]).min():+.2f}",
            *levels, *(f"{count} of {len(numbers)}" for count in missed),
        ])  # fmt: skip
    head = ["quality", "chroma", "sigma", "as it is", "without header", "with", "least gain"]
    head += ["estimated without", "with", "missed without", "with"]
    return markdown_table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos_folder", type=Path, metavar="DIR")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--photos", type=int, default=8, help="how many of them")
    parser.add_argument("--subsamplings", default="420")
    parser.add_argument("--alike", action="store_true", help="noise with neighbours alike")
    parser.add_argument("--save", type=Path, metavar="FILE", help="goes on where it stopped")
    parser.add_argument("--write-docs", action="store_true")
    arguments = parser.parse_args()
    text = table(measure(arguments))
    print(text)
    if arguments.write_docs:
        mark = ALIKE_MARK if arguments.alike else MARK
        before, after = DOCS.read_text(encoding="utf-8").split(mark)
        rest = after.lstrip().partition("\n\n")[2]  # what stands below the old table
        rest = f"\n{rest}" if rest else ""
        DOCS.write_text(f"{before}{mark}\n\n{text}\n{rest}", encoding="utf-8")


if __name__ == "__main__":
    main()
