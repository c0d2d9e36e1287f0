"""Denoising of held-out photographs in one step, for checkpoints whose prior is photographs.

y = x_0 + sigma n with sigma known; t* is the timestep of that noise level, and the network's x0 at
sqrt(abar_t*) y is the posterior mean, the estimate with the best PSNR there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..checkpoints.library import CheckpointInfo
from ..core.denoiser import Denoiser, TiledDenoiser, UNetDenoiser
from ..core.noise import NoiseSource
from ..errors import UserError
from ..pictures.images import load_image
from .packages import need

SIGMAS_255 = (15, 25, 50)
SIZE_PX = 256
# In scikit-image's own package, not among its downloads; never trained on.
BUNDLED = ("astronaut", "chelsea", "coffee", "rocket")
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Score:
    """How well one method denoised one photograph.

    Args:
        method: its name.
        photo: the photograph's name.
        sigma_255: noise level in 8-bit grey levels.
        psnr_db: over all pixels and channels, peak 255, of the estimate clipped to [0, 255].
        ssim: mean structural similarity (Wang et al. 2004), Gaussian window of 1.5 pixels.
    """

    method: str
    photo: str
    sigma_255: float
    psnr_db: float
    ssim: float


def load_photos(data: str | None = None, size_px: int = SIZE_PX) -> dict[str, np.ndarray]:
    """Photographs by name, uint8 [S, S, 3]: the centre square, reduced by area.

    Args:
        data: a folder of photographs; None for the four of scikit-image.
        size_px: S.

    Raises:
        UserError: no photographs there, or scikit-image is not installed.
    """
    if data is None:
        folder = Path(need("skimage.data", "scikit-image").__file__).parent
        files = [next(folder.glob(f"{name}.*g")) for name in BUNDLED]
    else:
        folder = Path(data)
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        files = [file for file in found if file.suffix.lower() in _SUFFIXES]
    if not files:
        raise UserError(
            "photos_none",
            "There are no photographs in “{folder}”; give a folder with PNG or JPEG files.",
            field="data",
            folder=folder.name,
        )
    return {file.stem: _square(load_image(file), size_px) for file in files}


def _square(image: Image.Image, size_px: int) -> np.ndarray:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.convert("RGB").crop((left, top, left + side, top + side))
    return np.asarray(square.resize((size_px, size_px), Image.Resampling.BOX))


def add_noise(photo: np.ndarray, sigma_255: float, seed: int) -> np.ndarray:
    """float32 [H, W, C] in grey levels, neither rounded nor clipped, of uint8 [H, W, C]."""
    noise = NoiseSource([seed]).randn((photo.shape[-1], *photo.shape[:2]))[0]
    return photo.astype(np.float32) + sigma_255 * noise.permute(1, 2, 0).numpy()


@torch.inference_mode()
def posterior_mean(denoiser: Denoiser, y: Tensor, sigma: float) -> Tensor:
    """E[x_0 | y] for y = x_0 + sigma n in one evaluation.

    Args:
        denoiser: predicts x_0.
        y: [B, C, H, W], in [-1, 1] units.
        sigma: in [-1, 1] units, above 0.
    """
    t = denoiser.schedule.t_from_sigma(sigma)
    return denoiser.predict(denoiser.schedule.abar(t) ** 0.5 * y, t).x0


def denoise_photo(denoiser: Denoiser, noisy: np.ndarray, sigma_255: float) -> np.ndarray:
    """float32 [H, W, C] in grey levels of the same."""
    y = torch.from_numpy(noisy).permute(2, 0, 1)[None] / 127.5 - 1
    device = getattr(denoiser, "device", None)
    x_0 = posterior_mean(denoiser, y.to(device), sigma_255 / 127.5)
    return (x_0[0].permute(1, 2, 0).cpu().numpy() + 1) * 127.5


def score(
    method: str, photo: str, sigma_255: float, clean: np.ndarray, estimate: np.ndarray
) -> Score:
    """PSNR and SSIM of float [H, W, C] in grey levels against uint8 [H, W, C]."""
    metrics = need("skimage.metrics", "scikit-image")
    truth = clean.astype(np.float64)
    clipped = np.clip(estimate.astype(np.float64), 0, 255)
    psnr = metrics.peak_signal_noise_ratio(truth, clipped, data_range=255)
    ssim = metrics.structural_similarity(
        truth,
        clipped,
        data_range=255,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return Score(method, photo, sigma_255, float(psnr), float(ssim))


def variants(
    denoiser: UNetDenoiser, info: CheckpointInfo, tiles_px: Sequence[int] = ()
) -> dict[str, Denoiser]:
    """Ways to take a large picture: whole, and in tiles.

    Args:
        denoiser: the checkpoint's.
        info: its own tiles are among them.
        tiles_px: further tile sizes, with an overlap of 16 pixels.
    """
    ways: dict[str, Denoiser] = {"whole picture": denoiser}
    sizes = {tile_px: 16 for tile_px in tiles_px}
    if info.tile_px:
        sizes[info.tile_px] = info.overlap_px or 0
    for tile_px, overlap_px in sorted(sizes.items()):
        own = ", the checkpoint's own" if tile_px == info.tile_px else ""
        ways[f"tiles of {tile_px}{own}"] = TiledDenoiser(denoiser, tile_px, overlap_px)
    return ways


def measure_photos(
    ways: dict[str, Denoiser], photos: dict[str, np.ndarray], sigmas_255: Sequence[float]
) -> list[Score]:
    """Scores of every way on every photograph at every level; photograph i has noise seed i."""
    scores = []
    for sigma in sigmas_255:
        for i, (name, photo) in enumerate(photos.items()):
            noisy = add_noise(photo, sigma, i)
            for method, denoiser in ways.items():
                estimate = denoise_photo(denoiser, noisy, sigma)
                scores.append(score(method, name, sigma, photo, estimate))
    return scores


def mean_rows(scores: Sequence[Score]) -> list[list[str]]:
    """One row a method: its mean "PSNR / SSIM" at each noise level, in order of appearance."""
    sigmas = list(dict.fromkeys(s.sigma_255 for s in scores))
    rows = []
    for method in dict.fromkeys(s.method for s in scores):
        row = [method]
        for sigma in sigmas:
            own = [s for s in scores if s.method == method and s.sigma_255 == sigma]
            psnr = sum(s.psnr_db for s in own) / len(own)
            ssim = sum(s.ssim for s in own) / len(own)
            row.append(f"{psnr:.2f} / {ssim:.3f}")
        rows.append(row)
    return rows


def header(scores: Sequence[Score]) -> list[str]:
    """The header that goes with `mean_rows`."""
    sigmas = dict.fromkeys(s.sigma_255 for s in scores)
    return ["PSNR in dB / SSIM", *(f"sigma {sigma:g}" for sigma in sigmas)]


def to_dicts(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """The scores as JSON values."""
    return [asdict(s) for s in scores]
