"""Denoising camera-like noise, blind, beside tuned non-local means and BM3D.

    python benchmarks/camera_noise.py [--data DIR] [--size 256] [--kinds jpeg-85-420,corr ...]
        [--write-docs]

Ours is told nothing. The peers are told the true level and tuned on these very pictures: the best
of several strengths for each kind. Without --data: eight crops of photographs that come with
scikit-image and matplotlib, none used in choosing (that was astronaut and coffee).
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import convolve

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ddpm_demo.evaluation.photos import load_photos
from ddpm_demo.evaluation.report import markdown_table
from ddpm_demo.pipeline import DDPM
from ddpm_demo.tasks.denoise import DenoiseRecipe

SIGMA = 20.0
TRUE = (5.0, 10.0, 15.0, 20.0)  # levels that the peers are tried with, after compression too
DOCS = Path(__file__).resolve().parent.parent / "docs" / "camera_noise.md"
JPEGS = [(quality, name) for quality in (95, 85, 70) for name in ("420", "444")]
KINDS = (
    "white",
    "poisson",
    *(f"jpeg-{quality}-{name}" for quality, name in JPEGS),
    "demosaicked",
    "demosaicked-jpeg-90",
    "correlated",
    "resized",
    "clean",
)
CAMERA = KINDS[2:-1]


def held_out(size: int) -> dict[str, np.ndarray]:
    """Eight crops [size, size, 3]."""
    import matplotlib
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    sample = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    places = [
        (folder / "chelsea.png", 0.5),
        (folder / "rocket.jpg", 1.0),
        (folder / "motorcycle_left.png", 0.5),
        (folder / "ihc.png", 1.0),
        (folder / "retina.jpg", 0.25),
        (folder / "hubble_deep_field.jpg", 0.5),
        (sample, 0.5),
        (folder / "color.png", 1.0),
    ]
    found = {}
    for file, scale in places:
        image = Image.open(file).convert("RGB")
        scale = max(scale, size / min(image.size))
        image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BOX)
        left, top = (image.width - size) // 2, (image.height - size) // 2
        found[file.stem] = np.asarray(image.crop((left, top, left + size, top + size)))
    return found


def to_8_bit(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def jpeg(pixels: np.ndarray, quality: int, subsampling: str) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(
        file, "JPEG", quality=quality, subsampling={"420": 2, "444": 0}[subsampling]
    )
    return np.asarray(Image.open(file))


def demosaicked(values: np.ndarray) -> np.ndarray:
    """A Bayer mosaic of [H, W, 3] filled bilinearly."""
    mask = np.zeros(values.shape)
    mask[::2, ::2, 0] = mask[1::2, 1::2, 2] = mask[::2, 1::2, 1] = mask[1::2, ::2, 1] = 1
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 4
    planes = [
        convolve(values[..., c] * mask[..., c], kernel, mode="mirror")
        / convolve(mask[..., c], kernel, mode="mirror")
        for c in range(3)
    ]
    return np.stack(planes, -1)


def noisy(photo: np.ndarray, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A noisy picture of a kind and the clean one to compare it with, both uint8."""
    rng = np.random.default_rng(seed)
    noise = SIGMA * rng.standard_normal(photo.shape)
    if kind == "clean":
        return photo, photo
    if kind == "poisson":
        return to_8_bit(photo + noise * np.sqrt((photo / 255 + 0.1) / 0.6)), photo
    if kind.startswith("jpeg"):
        _, quality, subsampling = kind.split("-")
        return jpeg(to_8_bit(photo + noise), int(quality), subsampling), photo
    if kind.startswith("demosaicked"):
        pixels = to_8_bit(demosaicked(photo + noise))
        return (jpeg(pixels, 90, "420") if kind.endswith("90") else pixels), photo
    if kind == "correlated":
        return to_8_bit(photo + convolve(noise, np.ones((3, 3, 1)) / 4.5, mode="mirror")), photo
    if kind == "resized":
        size = (photo.shape[1] * 3 // 4, photo.shape[0] * 3 // 4)
        resize = [
            Image.fromarray(x).resize(size, Image.Resampling.BICUBIC)
            for x in (to_8_bit(photo + noise), photo)
        ]
        return np.asarray(resize[0]), np.asarray(resize[1])
    return to_8_bit(photo + noise), photo


def peers(pixels: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """(method, setting, result in grey levels) for every setting that is tried."""
    import cv2
    from skimage.restoration import denoise_nl_means

    for sigma in TRUE:
        for share in (0.4, 0.6, 0.8):
            result = denoise_nl_means(
                pixels / 255,
                patch_size=5,
                patch_distance=6,
                h=share * sigma / 255,
                sigma=sigma / 255,
                channel_axis=-1,
            )
            yield "scikit-image NLM", f"{sigma}, {share}", 255 * result
    for h in (3, 6, 10, 14, 18, 24):
        result = cv2.fastNlMeansDenoisingColored(pixels, None, h, h, 7, 21)
        yield "OpenCV NLM", str(h), result
    if importlib.util.find_spec("bm3d"):
        import bm3d

        for sigma in (10, 20, 30):
            yield "BM3D", str(sigma), 255 * bm3d.bm3d_rgb(pixels / 255, sigma / 255)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.clip(np.asarray(a, dtype=float), 0, 255) - b
    return min(100.0, float(10 * np.log10(255**2 / max(np.square(error).mean(), 1e-9))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="a folder of photographs")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--photos", type=int, default=8, help="how many of them")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--write-docs", action="store_true")
    arguments = parser.parse_args()
    photos = load_photos(arguments.data, arguments.size) if arguments.data else None
    photos = dict(list((photos or held_out(arguments.size)).items())[: arguments.photos])
    ddpm, rows, names = DDPM.from_pretrained("photos"), [], []
    for kind in arguments.kinds.split(","):
        before, ours, others, levels = [], [], {}, []
        for seed, photo in enumerate(photos.values()):
            pixels, clean = noisy(photo, kind, seed)
            before.append(psnr(pixels, clean))
            run = ddpm.denoise(DenoiseRecipe(checkpoint="photos"), Image.fromarray(pixels))
            ours.append(psnr(np.asarray(run.images()[0].convert("RGB")), clean))
            levels.append(run.metrics["sigma_255"])
            if kind != "clean" and not arguments.without_peers:
                for method, setting, result in peers(pixels):
                    others.setdefault(method, {}).setdefault(setting, []).append(
                        psnr(result, clean)
                    )
        best = {m: max(float(np.mean(v)) for v in tries.values()) for m, tries in others.items()}
        names = list(best) or names
        worst = min(o - b for o, b in zip(ours, before, strict=True))
        row = [
            kind,
            f"{np.mean(levels):.1f}",
            f"{np.mean(before):.2f}",
            *(f"{best[n]:.2f}" if n in best else "" for n in names),
            f"{np.mean(ours):.2f}",
            f"{worst:+.2f}",
        ]
        rows.append(row)
        print(" | ".join(row), flush=True)
    head = ["kind", "estimated", "noisy", *names, "ours", "least gain"]
    table = markdown_table(head, rows)
    print(f"\n{', '.join(photos)}; {arguments.size} x {arguments.size}\n\n{table}")
    if arguments.write_docs:
        command = "python benchmarks/camera_noise.py " + " ".join(sys.argv[1:])
        text = "# Camera noise\n\nPSNR in dB; ours blind, the others tuned on these pictures:\n\n"
        DOCS.write_text(
            f"{text}    {command}\n\n{table}\n\n{', '.join(photos)}; "
            f"{arguments.size} x {arguments.size} pixels.\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
