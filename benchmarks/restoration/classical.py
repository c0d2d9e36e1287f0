"""Methods that never learnt: OpenCV's, scikit-image's, Pillow's, and CBM3D where it is installed.

The strength of each denoiser is one of several; the table shows the best on these very pictures,
which is more than a user has.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from photos import CBM3D, PEERS
from PIL import Image

from .cases import FACTOR, Case
from .methods import BLIND, DENOISE, INPAINT, UPSCALE, Method


def denoise(peer: Callable[..., np.ndarray], strength: float, case: Case, _: Any) -> np.ndarray:
    sigma = case.sigma_255
    if sigma is None:
        from skimage.restoration import estimate_sigma

        sigma = 255 * estimate_sigma(case.observed / 255, average_sigmas=True, channel_axis=-1)
    return peer(case.observed.astype(np.float32), sigma, strength)


def opencv_inpaint(flag: str, radius_px: int, case: Case, _: Any) -> np.ndarray:
    import cv2

    mask = case.mask.astype(np.uint8) * 255
    return cv2.inpaint(case.observed, mask, radius_px, getattr(cv2, flag)).astype(np.float32)


def biharmonic(case: Case, _: Any) -> np.ndarray:
    from skimage.restoration import inpaint_biharmonic

    # Hole by hole where there are many small ones: the same answer, sooner.
    filled = inpaint_biharmonic(
        case.observed / 255, case.mask, channel_axis=-1, split_into_regions=True
    )
    return 255 * filled


def resize(resampling: Image.Resampling, case: Case, _: Any) -> np.ndarray:
    height, width = case.observed.shape[:2]
    image = Image.fromarray(case.observed)
    large = image.resize((width * FACTOR, height * FACTOR), resampling)
    return np.asarray(large, np.float32)


def methods() -> list[Method]:
    found = [
        # CBM3D takes half a minute for a photograph of 256 x 256.
        Method(
            name,
            f"strength {s:g}",
            DENOISE if name == CBM3D else DENOISE + BLIND,
            partial(denoise, peer, s),
        )
        for name, (peer, strengths) in PEERS.items()
        for s in strengths
    ]
    for name, flag in (("Telea", "INPAINT_TELEA"), ("Navier-Stokes", "INPAINT_NS")):
        found += [
            Method(f"OpenCV {name}", f"radius {r}", INPAINT, partial(opencv_inpaint, flag, r))
            for r in (3, 5)
        ]
    found.append(Method("scikit-image biharmonic", "defaults", INPAINT, biharmonic))
    for name, resampling in (
        ("bicubic", Image.Resampling.BICUBIC),
        ("Lanczos", Image.Resampling.LANCZOS),
    ):
        found.append(Method(f"Pillow {name}", "defaults", UPSCALE, partial(resize, resampling)))
    return found
