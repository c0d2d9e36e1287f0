"""The power spectra of the priors: the constants of ddpm_demo/restoration/spectrum.py.

    python benchmarks/spectrum.py
    python benchmarks/spectrum.py --data data/photos --crop-px 128

Held-out pictures of a data set of ours (`python -m ddpm_demo.training.sources`), their mean power
in the cosine basis ring by ring, and for each axis of colour the P(f) = a (f^2 + c^2)^(-k / 2)
that is nearest in log power. Beside each fit, by how much the rings differ from it (standard
deviation in dB), and the law in use with the same.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ddpm_demo.restoration.spectrum import OBJECT, PHOTO, PowerLaw, to_frequencies  # noqa: E402

NUM_PICTURES = 400
NUM_RINGS = 24
AXES = ("brightness", "red - blue", "green - magenta")
CORNERS = (0.001, 0.002, 0.003, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03, 0.04)


def load_pictures(folder: Path, crop_px: int) -> np.ndarray:
    """Held-out pictures uint8 [N, H, W, C]: whole ones, or crops of photographs."""
    values = np.load(folder / "heldout.npy", mmap_mode="r")
    if values.ndim > 1:
        chosen = np.linspace(0, len(values) - 1, min(NUM_PICTURES, len(values))).astype(int)
        pictures = np.array(values[chosen])
        return pictures[..., None] if pictures.ndim == 3 else pictures
    rng, crops = np.random.default_rng(0), []
    index = np.load(folder / "heldout_index.npy")
    for start, *shape in index[np.arange(NUM_PICTURES) % len(index)]:
        photo = values[start : start + np.prod(shape)].reshape(shape)
        top, left = (rng.integers(0, side - crop_px + 1) for side in shape[:2])
        crops.append(photo[top : top + crop_px, left : left + crop_px])
    return np.stack(crops)


def mean_power(pictures: np.ndarray) -> Tensor:
    """Variance of each cosine coefficient, [C, H, W], of pictures uint8 [N, H, W, C]."""
    x = torch.from_numpy(pictures.astype(np.float64) / 127.5 - 1).permute(0, 3, 1, 2)
    return to_frequencies(x).var(0)


def rings(power: Tensor) -> tuple[Tensor, Tensor]:
    """Frequencies in cycles a pixel and mean powers [C, rings], the mean colour left out."""
    _, height, width = power.shape
    rows, columns = torch.arange(height) / (2 * height), torch.arange(width) / (2 * width)
    f = torch.sqrt(rows[:, None] ** 2 + columns[None] ** 2)
    edges = torch.logspace(np.log10(0.9 / (2 * max(height, width))), np.log10(0.5), NUM_RINGS + 1)
    places, means = [], []
    for low, high in zip(edges, edges[1:], strict=False):
        inside = (f >= low) & (f < high)
        if inside.any():
            places.append(f[inside].mean())
            means.append(power[:, inside].mean(1))
    return torch.stack(places), torch.stack(means, 1)


def fit(f: Tensor, power: Tensor) -> tuple[PowerLaw, float]:
    """The nearest law in log power, and the standard deviation of what is left, in dB."""
    best: tuple[float, PowerLaw] | None = None
    for corner in CORNERS:
        design = torch.stack([torch.ones_like(f), -0.5 * torch.log(f**2 + corner**2)], 1).double()
        target = power.clamp(min=1e-12).log()[:, None]
        solution = torch.linalg.lstsq(design, target).solution
        rest = float((design @ solution - target).std())
        law = PowerLaw(float(solution[0].exp()), corner, float(solution[1]))
        if best is None or rest < best[0]:
            best = (rest, law)
    assert best is not None
    return best[1], best[0] * 10 / np.log(10)


def report(folder: Path, crop_px: int) -> None:
    used = PHOTO if folder.name == "photos" else OBJECT
    f, power = rings(mean_power(load_pictures(folder, crop_px)))
    channels = len(power)
    for axis, values, law in zip(AXES, power, used.laws, strict=False):
        found, rest_db = fit(f, values * (3 / channels))
        off_db = 10 * torch.log10(law.at(f) * channels / 3 / values)
        own_db = float(off_db.square().mean().sqrt())
        print(
            f"| {folder.name} | {axis} | {found.scale:.2g} | {found.corner:g} | "
            f"{found.exponent:.2f} | {rest_db:.1f} dB | "
            f"{law.scale:.2g}, {law.corner:g}, {law.exponent:g} | {own_db:.1f} dB |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="*", help="folders with heldout.npy")
    parser.add_argument("--crop-px", type=int, default=128, help="of photographs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| data | axis | scale | corner | exponent | left | in use | off by (RMS) |")
    print("|---|---|---|---|---|---|---|---|")
    folders = arguments.data or [ROOT / "data" / n for n in ("photos", "faces-64", "fashion-32")]
    for folder in folders:
        report(folder, arguments.crop_px)


if __name__ == "__main__":
    main()
