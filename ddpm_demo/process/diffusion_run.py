"""The run of a picture noised and denoised: where it started, and how much was left there."""

from __future__ import annotations

from typing import Any

from PIL import Image
from torch import Tensor

from ..checkpoints.library import CheckpointInfo
from ..core.noise import NoiseSource
from ..core.schedule import Schedule
from ..core.step import Step
from ..pictures.images import make_grid, to_pil
from ..recipes.recipe import Recipe
from ..recipes.run import Run
from .forward import strip_timesteps

STRIP_PICTURES = 9


class DiffusionRun(Run):
    """A run of `DDPM.diffuse`.

    Args:
        recipe, info, steps: as for `Run`.
        schedule: the checkpoint's.
        x_0: [1, C, H, W], the picture; None for a run from pure noise.
    """

    def __init__(
        self,
        recipe: Recipe,
        info: CheckpointInfo,
        steps: Any,  # noqa: ANN401  an iterator of steps
        schedule: Schedule,
        x_0: Tensor | None,
    ):
        super().__init__(recipe, info, steps)
        self._schedule, self._x_0 = schedule, x_0

    def beside(self) -> dict[str, Image.Image]:
        """The way up in one row ("forward"), and the first x_t and x0_hat of the way down."""
        found = {}
        if self._x_0 is not None:
            found["forward"] = self._forward_strip(self._x_0)
        if self.first is not None:
            found["x_t"] = make_grid(to_pil(self.first.x_t))
            found["x0_hat"] = make_grid(to_pil(self.first.x0_hat))
        return found

    def facts(self) -> dict[str, Any]:
        """How much of the picture is left at t."""
        recipe: Any = self.recipe
        t = recipe.t - 1
        return {
            "alphas_cumprod": self._schedule.abar(t),
            "snr": self._schedule.snr(t),
            "sigma": self._schedule.sigma(t),
        }

    def frame(self, step: Step) -> Image.Image:
        """x_t, the one picture before a branch as often as there are siblings after it."""
        recipe: Any = self.recipe
        pictures = to_pil(step.x_t)
        return make_grid(pictures * (recipe.num_images if len(pictures) == 1 else 1))

    def _forward_strip(self, x_0: Tensor) -> Image.Image:
        """x_0 to x_t in one row, the same noise growing; the last one is where the run starts."""
        recipe: Any = self.recipe
        noise = NoiseSource([recipe.seed]).randn(x_0.shape[1:])
        timesteps = strip_timesteps(recipe.t, min(STRIP_PICTURES, recipe.t + 1))
        row = [to_pil(self._schedule.q_sample(x_0, t, noise))[0] for t in timesteps]
        return make_grid(row, columns=len(row))
