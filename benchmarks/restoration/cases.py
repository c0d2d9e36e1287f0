"""What is to be restored: held-out pictures, and what was done to them.

Everything observed is rounded to 8 bits and clipped to [0, 255], as an uploaded file is: all
methods see the same file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddpm_demo.evaluation.photos import add_noise, load_photos
from ddpm_demo.pictures import masks

SIGMAS_255 = (15, 25, 50)
MASKS = ("box", "scattered", "text")
FACTOR = 4
UPSCALE_SIGMA_255 = 12.75
FACES = Path(__file__).resolve().parents[2] / "data" / "faces-64" / "heldout.npy"


@dataclass(frozen=True)
class Case:
    """One picture and what is left of it.

    Args:
        kind: "faces" or "photos".
        task: "denoise 25", "denoise 25, blind", "inpaint box", "x4", "x4, noise".
        name: of the picture.
        clean: uint8 [H, W, 3].
        observed: the same, damaged; [H / 4, W / 4, 3] for x4; black where the mask says so.
        sigma_255: of the noise in `observed` before rounding; None when a method must not know.
        mask: bool [H, W], True = to fill; None where nothing is missing.
    """

    kind: str
    task: str
    name: str
    clean: np.ndarray
    observed: np.ndarray
    sigma_255: float | None
    mask: np.ndarray | None = None


def load_pictures(
    kind: str, num_faces: int, num_photos: int, quick: bool
) -> dict[str, np.ndarray]:
    """Held-out pictures by name, uint8 [S, S, 3]: S = 64 for faces, 256 for photographs."""
    if kind == "faces":
        faces = np.load(FACES, mmap_mode="r")
        return {f"face {i}": np.array(faces[i]) for i in range(num_faces)}
    photos = load_photos()
    if not quick:
        return dict(list(photos.items())[:num_photos])
    # Eye and fur, out of a photograph that is reduced already.
    return {"chelsea, 128 pixels of it": photos["chelsea"][64:192, 64:192]}


def make_cases(kind: str, pictures: dict[str, np.ndarray]) -> Iterator[Case]:
    """Every task on every picture; picture i has noise seed i and mask seed i."""
    for i, (name, clean) in enumerate(pictures.items()):
        for sigma in SIGMAS_255:
            noisy = to_bytes(add_noise(clean, sigma, i))
            yield Case(kind, f"denoise {sigma}", name, clean, noisy, sigma)
            yield Case(kind, f"denoise {sigma}, blind", name, clean, noisy, None)
        for mask_name in MASKS:
            mask = make_mask(mask_name, kind, clean.shape[0], i)
            observed = np.where(mask[..., None], 0, clean).astype(np.uint8)
            yield Case(kind, f"inpaint {mask_name}", name, clean, observed, 0.0, mask)
        small = reduce(clean)
        yield Case(kind, "x4", name, clean, to_bytes(small), 0.0)
        noisy = to_bytes(add_noise(to_bytes(small), UPSCALE_SIGMA_255, i))
        yield Case(kind, "x4, noise", name, clean, noisy, UPSCALE_SIGMA_255)


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Grey levels rounded and clipped to uint8."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def reduce(clean: np.ndarray) -> np.ndarray:
    """float64 [H / 4, W / 4, 3]: means of 4 x 4 pixels."""
    height, width, channels = clean.shape
    blocks = clean.reshape(height // FACTOR, FACTOR, width // FACTOR, FACTOR, channels)
    return blocks.astype(np.float64).mean((1, 3))


def make_mask(name: str, kind: str, size_px: int, seed: int) -> np.ndarray:
    """bool [S, S], True = to fill: the page's own presets.

    "box" is the middle: half the side of a face, a quarter of the side of a photograph (a face is
    an object that can be completed, the middle of a photograph is not). "scattered": 70 % of the
    pixels. "text": lines of bold letters.
    """
    size = (size_px, size_px)
    if name == "box":
        edge = 25.0 if kind == "faces" else 37.5
        mask = masks.box(size, edge, edge, 100 - edge, 100 - edge)
    else:
        mask = masks.preset(name, size, seed)
    return np.asarray(mask) > 0
