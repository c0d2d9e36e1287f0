"""`RestorationRun`: a run whose pictures have the size and the transparency of the upload."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ..checkpoints.library import CheckpointInfo
from ..core.step import Step
from ..pictures.images import to_pil, to_tensor
from ..pictures.similarity import psnr, ssim
from ..recipes.recipe import Recipe
from ..recipes.run import Run
from .setup import Setup
from .upload import to_picture

# How much stronger than it was the picture of what was removed is, around mid-grey.
REMOVED_GAIN = 4


class RestorationRun(Run):
    """A run of `DDPM.denoise`, `inpaint`, `upscale`, `colourise` or `deblur`.

    The results of an upload with deep pixels have theirs attached, see `pictures.deep`.

    Attributes:
        fit: how the prior goes at the picture, and the size of the results.
        observed: what was seen, at the size of the results: the noisy picture, the picture with a
            grey hole, the small one enlarged pixel by pixel, the grey one, the blurred one.
        original: the picture to compare with, None where there is none.
        metrics: {} before the end. Then "sigma_255" and "sigma_estimated" (denoising); "psnr",
            "ssim", "baseline", "baseline_psnr" and "baseline_ssim" where there is an original;
            "consistency_255" (super-resolution: by how many 8-bit levels the result, reduced
            again, is off at most). All of picture 0.
    """

    _removed: Image.Image | None = None  # where the task has such a picture, once it has run

    def __init__(self, recipe: Recipe, info: CheckpointInfo, setup: Setup):
        super().__init__(recipe, info, setup.steps)
        self.fit = setup.fit
        self.progress.expect(setup.steps.effort)
        self.metrics: dict[str, Any] = {}
        self._setup = setup
        self._metrics: list[dict[str, Any]] = []
        self.observed = self._picture(setup.observed)
        self.original = None if setup.original is None else self._picture(setup.original)

    def __iter__(self) -> Iterator[Step]:
        for step in super().__iter__():
            if step.is_last:
                self._measure(step.x0_hat)
            yield step

    def pictures(self, step: Step | None) -> list[Image.Image]:
        """The pictures of any step, such as `last` of a run that was cancelled."""
        if step is None:
            return []
        is_deep = self._setup.is_deep and step.is_last
        return [self._picture(x[None], is_deep) for x in step.x0_hat]

    def beside(self) -> dict[str, Image.Image]:
        """Of `RestorationRecipe.beside`, those that there are so far."""
        mean = self.mean() if self.recipe.perception > 0 else None  # else it is the result itself
        found = {
            "observed": self.observed,
            "original": self.original,
            "mean": mean,
            "uncertainty": self.uncertainty(),
            "removed": self._removed,
        }
        return {name: picture for name, picture in found.items() if picture is not None}

    def captions(self) -> dict[str, Any]:
        levels = self.uncertainty_255
        return {} if levels is None else {"uncertainty_255": levels}

    def facts(self) -> dict[str, Any]:
        """The metrics, and how the prior went at the picture."""
        return {"metrics": self.metrics, "fit": dataclasses.asdict(self.fit)}

    def mean(self) -> Image.Image | None:
        """The mean of the samples; None for a single one, or before the end."""
        mean = self._setup.steps.mean()
        return None if mean is None else self._picture(mean)

    def uncertainty(self) -> Image.Image | None:
        """Standard deviation of the samples, over the channels, as grey levels from black (0) to
        white (`uncertainty_255`); None for a single sample, or before the end."""
        deviation = self._setup.steps.deviation()
        if deviation is None:
            return None
        return to_pil(2 * deviation / deviation.max().clamp(min=1e-6) - 1)[0]

    @property
    def uncertainty_255(self) -> float | None:
        """The largest standard deviation, in 8-bit levels, which is white in `uncertainty`."""
        deviation = self._setup.steps.deviation()
        return None if deviation is None else float(deviation.max()) * 127.5

    def metadata(self, index: int = 0) -> dict[str, Any]:
        """As ever, and the metrics of picture `index`."""
        metrics = self._metrics[index] if index < len(self._metrics) else {}
        return {**super().metadata(index), **({"metrics": metrics} if metrics else {})}

    def _picture(self, x: Tensor, is_deep: bool = False) -> Image.Image:
        return to_picture(x, self._setup.is_grey, self._setup.alpha, is_deep)

    @torch.inference_mode()
    def _measure(self, pictures: Tensor) -> None:
        setup, common = self._setup, dict(self._setup.facts)
        if not setup.is_deep:  # as their files have them
            seen = [to_tensor(image, pictures.shape[1]) for image in to_pil(pictures)]
            pictures = torch.cat(seen).to(pictures.device)
        if setup.shows_removed:
            removed = REMOVED_GAIN * (setup.observed - pictures[:1])
            self._removed = to_picture(removed.clamp(-1, 1), setup.is_grey, None)
        original = setup.original
        if original is not None and setup.baseline is not None:
            name, baseline = setup.baseline
            common.update(
                baseline=name,
                baseline_psnr=_finite(psnr(baseline, original)),
                baseline_ssim=ssim(baseline, original),
            )
        self._metrics = []
        for picture in pictures.split(1):
            own = setup.check(picture)
            if original is not None:
                own.update(psnr=_finite(psnr(picture, original)), ssim=ssim(picture, original))
            self._metrics.append({**common, **own})
        self.metrics = self._metrics[0]


def _finite(decibels: float) -> float:
    """JSON has no infinity: equal pictures are said to have 100 dB."""
    return min(decibels, 100.0)
