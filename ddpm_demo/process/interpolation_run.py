"""The run of an interpolation: its frames, its strip, how near the ends came to their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from ..checkpoints.library import CheckpointInfo
from ..errors import UserError
from ..pictures.images import make_grid
from ..recipes.recipe import Recipe
from ..recipes.run import Run
from .frames import Frames
from .interpolation import Interpolation


class InterpolationRun(Run):
    """A run of `DDPM.interpolate`; its pictures are the frames, the samples of each together.

    Attributes:
        interpolation: the steps, and after them the `reconstructions()`.
    """

    def __init__(
        self,
        recipe: Recipe,
        info: CheckpointInfo,
        steps: Interpolation,
        images: Sequence[Image.Image] = (),
    ):
        super().__init__(recipe, info, steps)
        self.interpolation = steps
        self._images = images

    @property
    def is_complete(self) -> bool:
        """Whether every frame is there; before that the pictures are those of the ends."""
        return self.last is not None and len(self.last.x0_hat) == self._between.frames.num_pictures

    def beside(self) -> dict[str, Image.Image]:
        if not self.is_complete:
            return {}
        return {"strip": strip(self._between.frames, self.pictures(self.last))}

    def notes(self) -> list[UserError]:
        note = fitting_note(self._images, self._between.size_px)
        found = zip(self._between.ends, self.interpolation.reconstructions(), strict=False)
        return [
            *([note] if note is not None else []),
            *(
                UserError(
                    "end_came_back",
                    "{end} came back with mean squared error {mse}, PSNR {psnr} dB.",
                    end=end,
                    mse=f"{error.mse:.2g}",
                    psnr=f"{error.psnr:.1f}",
                )
                for end, error in found
                if error is not None
            ),
        ]

    def animation(self, frames: Sequence[Image.Image]) -> list[Image.Image]:
        """The first sample of each frame along the recipe's path."""
        return self._between.frames.along_path(self.pictures(self.last))

    def metadata(self, index: int = 0) -> dict[str, Any]:
        """As ever, and how near each end came to its picture: MSE in [0, 1], None for seeds."""
        errors = [found and found.mse for found in self.interpolation.reconstructions()]
        return {**super().metadata(index), "reconstruction_mse": errors}

    @property
    def _between(self) -> Any:  # noqa: ANN401  an InterpolateRecipe, which is of a later room
        return self.recipe


def strip(frames: Frames, images: Sequence[Image.Image]) -> Image.Image:
    """All pictures in one: frames from left to right with a row a sample, or the grid.

    A grid shows the first sample of each frame.
    """
    count = frames.num_samples
    if frames.is_grid:
        return make_grid(images[::count], columns=frames.side)
    rows = [image for sample in range(count) for image in images[sample::count]]
    return make_grid(rows, columns=frames.side)


def fitting_note(images: Sequence[Image.Image], size_px: int) -> UserError | None:
    """What to tell the user, not an error: pictures of other sizes or modes were made alike."""
    if len({(image.size, image.mode) for image in images}) < 2:
        return None
    return UserError(
        "pictures_made_alike",
        "The pictures differ in size or mode ({kinds}); each was cut to a square in the middle "
        "and scaled to {size} x {size}.",
        kinds=", ".join(f"{i.width} x {i.height} {i.mode}" for i in images),
        size=size_px,
    )
