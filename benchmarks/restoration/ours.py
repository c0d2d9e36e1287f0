"""Ours, through the same door as everybody: `DDPM.denoise`, `inpaint` and `upscale`."""

from __future__ import annotations

from functools import partial

import numpy as np
from PIL import Image

from ddpm_demo import DenoiseRecipe, InpaintRecipe, UpscaleRecipe

from .cases import FACTOR, Case
from .methods import BLIND, DENOISE, INPAINT, UPSCALE, Method
from .prior import Prior

FAITHFUL = "ours, faithful"
SHARP = "ours, sharp"
FAMILIES = {FAITHFUL: 0.0, SHARP: 1.0}
DEFAULT = "defaults"
STEPS = (5, 10, 20, 50, 100)


def ours(perception: float, num_steps: int | None, case: Case, prior: Prior) -> np.ndarray:
    common = {
        "checkpoint": prior.ddpm.info.name,
        "perception": perception,
        "num_steps": num_steps,
    }
    ddpm, image = prior.ddpm, Image.fromarray(case.observed)
    if case.mask is not None:
        run = ddpm.inpaint(InpaintRecipe(**common), image, Image.fromarray(case.mask))
    elif case.task.startswith("denoise"):
        run = ddpm.denoise(DenoiseRecipe(sigma_255=case.sigma_255, **common), image)
    else:
        recipe = UpscaleRecipe(factor=FACTOR, sigma_255=case.sigma_255, **common)
        run = ddpm.upscale(recipe, image)
    return np.asarray(run.images()[0].convert("RGB"))


def methods() -> list[Method]:
    tasks = DENOISE + BLIND + INPAINT + UPSCALE
    found = []
    for family, perception in FAMILIES.items():
        found.append(Method(family, DEFAULT, tasks, partial(ours, perception, None), True))
        for steps in STEPS:
            run = partial(ours, perception, steps)
            found.append(
                Method(family, f"{steps} steps", INPAINT + UPSCALE, run, True, extra=True)
            )
    return found
