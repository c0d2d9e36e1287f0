"""Taking back what JPEG compression did, beside tuned non-local means.

    python benchmarks/held_out.py DIR
    python benchmarks/jpeg.py DIR [--size 256] [--qualities 70,50,30] [--photos 8] [--write-docs]

Photographs without noise, 4:2:0. Ours is told nothing but the file; scikit-image's non-local means
has the strength that is best for each quality on these very pictures.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from camera_noise import psnr
from held_out import crops
from PIL import Image
from skimage.restoration import denoise_nl_means

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo.evaluation.report import markdown_table  # noqa: E402
from ddpm_demo.pictures import decode  # noqa: E402
from ddpm_demo.pipeline import DDPM  # noqa: E402
from ddpm_demo.tasks.denoise import DenoiseRecipe  # noqa: E402

STRENGTHS = (2, 3, 4, 6, 8)
DOCS = ROOT / "docs" / "jpeg.md"
MARK = "<!-- printed by benchmarks/jpeg.py -->"


def non_local_means(pixels: np.ndarray, sigma: float) -> np.ndarray:
    result = denoise_nl_means(
        pixels / 255,
        patch_size=5,
        patch_distance=6,
        h=0.8 * sigma / 255,
        sigma=sigma / 255,
        channel_axis=-1,
    )
    return 255 * result


class Ours:
    """A file in, a picture out; one evaluation, two, or none where nothing is asked for."""

    def __init__(self) -> None:
        self.ddpm = DDPM.from_pretrained("photos", "cpu")

    def __call__(self, content: bytes, **values: object) -> np.ndarray:
        recipe = DenoiseRecipe(checkpoint="photos", **values)
        run = self.ddpm.denoise(recipe, decode.read(content).image)
        return np.asarray(run.images()[0].convert("RGB"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos_folder", type=Path, metavar="DIR")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--photos", type=int, default=8, help="how many of them")
    parser.add_argument("--qualities", default="70,50,30")
    parser.add_argument("--write-docs", action="store_true")
    arguments = parser.parse_args()
    ours, rows = Ours(), []
    photos = dict(list(crops(arguments.photos_folder, arguments.size).items())[: arguments.photos])
    for quality in (int(word) for word in arguments.qualities.split(",")):
        found: dict[str, list[float]] = {}
        for photo in photos.values():
            file = io.BytesIO()
            Image.fromarray(photo).save(file, "JPEG", quality=quality, subsampling=2)
            pixels = np.asarray(Image.open(file))
            results = {
                "as it is": pixels,
                "blind": ours(file.getvalue()),
                "one": ours(file.getvalue(), artefacts=True, num_steps=1),
                "two": ours(file.getvalue(), artefacts=True),
                **{f"means {s}": non_local_means(pixels, s) for s in STRENGTHS},
            }
            for name, result in results.items():
                found.setdefault(name, []).append(psnr(result, photo))
        means = {name: float(np.mean(values)) for name, values in found.items()}
        best = max(value for name, value in means.items() if name.startswith("means"))
        gains = np.subtract(found["two"], found["as it is"])
        columns = (means["as it is"], means["blind"], best, means["one"], means["two"])
        row = [f"{quality}", *(f"{value:.2f}" for value in columns), f"{gains.min():+.2f}"]
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
    head = ["quality", "as it is", "blind", "non-local means", "one evaluation", "two (default)"]
    table = markdown_table([*head, "least gain"], rows)
    text = f"{table}\n\n{', '.join(photos)}; {arguments.size} x {arguments.size} pixels.\n"
    print(text)
    if arguments.write_docs:
        before = DOCS.read_text(encoding="utf-8").split(MARK)[0]
        DOCS.write_text(f"{before}{MARK}\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
