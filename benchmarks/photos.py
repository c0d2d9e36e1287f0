"""Denoising photographs, beside OpenCV's and scikit-image's denoisers, the noise level known.

    python benchmarks/photos.py [--checkpoint photos] [--data DIR] [--tiles 32,48,64,128] [--files]

The photographs are scikit-image's astronaut, chelsea, coffee and rocket, reduced to 256 x 256 by
area; nobody trained on them. The peers get their best: each one's strength is tuned on these very
photographs, which is more than our network gets. All see the same noise: as it was drawn, or with
`--files` rounded and cut off to 8 bits, as any file holds it; ours is then the task `denoise`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ddpm_demo.evaluation.photos import (
    SIGMAS_255,
    Score,
    add_noise,
    header,
    load_photos,
    mean_rows,
    measure_photos,
    score,
    to_dicts,
    variants,
)
from ddpm_demo.evaluation.report import markdown_table
from ddpm_demo.pipeline import DDPM
from ddpm_demo.tasks.denoise import DenoiseRecipe

Method = Callable[[np.ndarray, float, float], np.ndarray]
Noise = Callable[[np.ndarray, float, int], np.ndarray]


def opencv_nlm(noisy: np.ndarray, sigma_255: float, strength: float) -> np.ndarray:
    import cv2

    pixels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    h = strength * sigma_255
    return cv2.fastNlMeansDenoisingColored(pixels, None, h, h, 7, 21).astype(np.float32)


def skimage_nlm(noisy: np.ndarray, sigma_255: float, strength: float) -> np.ndarray:
    from skimage.restoration import denoise_nl_means

    return 255 * denoise_nl_means(
        noisy / 255,
        patch_size=5,
        patch_distance=6,
        h=strength * sigma_255 / 255,
        sigma=sigma_255 / 255,
        fast_mode=True,
        channel_axis=-1,
    )


def wavelet(noisy: np.ndarray, sigma_255: float, strength: float) -> np.ndarray:
    from skimage.restoration import denoise_wavelet

    return 255 * denoise_wavelet(
        noisy / 255,
        sigma=strength * sigma_255 / 255,
        method="BayesShrink",
        mode="soft",
        convert2ycbcr=True,
        rescale_sigma=True,
        channel_axis=-1,
    )


def tv(noisy: np.ndarray, sigma_255: float, strength: float) -> np.ndarray:
    from skimage.restoration import denoise_tv_chambolle

    return 255 * denoise_tv_chambolle(
        noisy / 255, weight=strength * sigma_255 / 255, channel_axis=-1
    )


def cbm3d(noisy: np.ndarray, sigma_255: float, strength: float) -> np.ndarray:
    import bm3d

    return 255 * bm3d.bm3d_rgb(noisy / 255, strength * sigma_255 / 255)


PEERS: dict[str, tuple[Method, tuple[float, ...]]] = {
    "OpenCV non-local means": (opencv_nlm, (0.55, 0.7, 0.85)),
    "scikit-image non-local means": (skimage_nlm, (0.4, 0.6, 0.8)),
    "scikit-image wavelet": (wavelet, (0.8, 1.0, 1.2)),
    "scikit-image TV": (tv, (0.6, 0.8, 1.0, 1.2)),
}
# Not free for commercial use, hence in no list of requirements; measured where it is installed.
CBM3D = "CBM3D (PyPI bm3d)"
if importlib.util.find_spec("bm3d"):
    PEERS[CBM3D] = (cbm3d, (1.0,))


def peer_scores(
    photos: dict[str, np.ndarray], sigma_255: float, noisy_photo: Noise
) -> tuple[list[Score], dict[str, float]]:
    """Scores of the peers at their best strength for this noise level, and those strengths."""
    scores: list[Score] = []
    chosen = {}
    for method, (denoise, strengths) in PEERS.items():
        tries = {}
        for strength in strengths:
            tries[strength] = [
                score(method, name, sigma_255, photo, denoise(noisy, sigma_255, strength))
                for i, (name, photo) in enumerate(photos.items())
                for noisy in [noisy_photo(photo, sigma_255, i)]
            ]
        chosen[method] = max(tries, key=lambda s: sum(x.psnr_db for x in tries[s]))
        scores += tries[chosen[method]]
    return scores, chosen


def as_file(photo: np.ndarray, sigma_255: float, seed: int) -> np.ndarray:
    """`add_noise`, as a file of 8 bits holds it: rounded, and cut off at black and white."""
    return np.clip(np.rint(add_noise(photo, sigma_255, seed)), 0, 255)


def task_scores(ddpm: DDPM, photos: dict[str, np.ndarray], sigma_255: float) -> list[Score]:
    """Scores of the task `denoise` on files of 8 bits, the noise level given."""
    recipe = DenoiseRecipe(checkpoint=ddpm.info.name, sigma_255=sigma_255)
    scores = []
    for i, (name, photo) in enumerate(photos.items()):
        file = Image.fromarray(as_file(photo, sigma_255, i).astype(np.uint8))
        estimate = np.asarray(ddpm.denoise(recipe, file).images()[0])
        scores.append(score("ours, denoise", name, sigma_255, photo, estimate))
    return scores


def margins(scores: list[Score]) -> dict[str, dict[str, float]]:
    """dB by which each of our ways beats each peer, on average over photographs and levels."""

    def mean(method: str) -> float:
        return float(np.mean([s.psnr_db for s in scores if s.method == method]))

    methods = list(dict.fromkeys(s.method for s in scores))
    ours = [m for m in methods if m not in PEERS]
    return {m: {peer: mean(m) - mean(peer) for peer in PEERS} for m in ours}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="photos", help="a name, or a folder")
    parser.add_argument("--data", help="a folder of photographs; default: scikit-image's four")
    parser.add_argument("--tiles", default="32,48,64,128", help="tile sizes, pixels")
    parser.add_argument("--files", action="store_true", help="noisy files of 8 bits")
    parser.add_argument("--json", action="store_true", help="every single score")
    arguments = parser.parse_args()
    tiles = [int(size) for size in arguments.tiles.split(",") if size]
    photos = load_photos(arguments.data)
    ddpm = DDPM.from_pretrained(arguments.checkpoint)
    started = time.perf_counter()
    scores, strengths = [], {}
    for sigma in SIGMAS_255:
        noise = as_file if arguments.files else add_noise
        scores_of_peers, strengths[sigma] = peer_scores(photos, sigma, noise)
        scores += scores_of_peers
        if arguments.files:
            scores += task_scores(ddpm, photos, sigma)
    if not arguments.files:
        scores += measure_photos(variants(ddpm.denoiser, ddpm.info, tiles), photos, SIGMAS_255)
    if arguments.json:
        print(json.dumps({"scores": to_dicts(scores), "strengths": strengths}))
        return
    scores.sort(key=lambda s: s.sigma_255)
    print(f"{ddpm.info.name}, weights {ddpm.info.weight_hash}; {', '.join(photos)}\n")
    print(markdown_table(header(scores), mean_rows(scores)))
    print("\ndB above each peer, mean over photographs and noise levels:\n")
    peers = list(PEERS)
    table = [
        [method, *(f"{beaten[peer]:+.2f}" for peer in peers)]
        for method, beaten in margins(scores).items()
    ]
    print(markdown_table(["ours", *peers], table))
    chosen = "; ".join(
        f"{peer} " + "/".join(f"{strengths[s][peer]:g}" for s in SIGMAS_255) for peer in peers
    )
    print(f"\nStrengths chosen for the peers (times sigma): {chosen}.")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
