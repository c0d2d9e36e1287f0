"""What a task sees of a loaded checkpoint, and pictures made to its size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from torch import Tensor

    from ..checkpoints.library import CheckpointInfo
    from ..core.denoiser import UNetDenoiser
    from ..core.schedule import Schedule

MAX_PHOTO_SIZE_PX = 128
MIN_SIZE_PX = 8


class Prior(Protocol):
    """A loaded checkpoint, as `pipeline.DDPM` is one.

    Attributes:
        info: what is known about it.
        denoiser: its network and schedule.
        schedule: its noise schedule.
        variance: of its ancestral sampler, "fixed_small" or "fixed_large".
        device: where it computes.
    """

    info: CheckpointInfo
    denoiser: UNetDenoiser
    schedule: Schedule
    variance: str

    @property
    def device(self) -> torch.device: ...

    def guide(self) -> UNetDenoiser:
        """The weaker version of its network that it ships with."""
        ...


def own_size_px(info: CheckpointInfo, images: Sequence[Image.Image] = ()) -> int:
    """The checkpoint's size; for a prior of photographs up to 128, as far as they go."""
    sides = [side for image in images for side in image.size]
    if info.prior != "photo" or not sides:
        return info.size_px
    return max(MIN_SIZE_PX, min(MAX_PHOTO_SIZE_PX, *sides))


def square(image: Image.Image, size_px: int, channels: int) -> Tensor:
    """The middle of a picture as a network's [1, channels, size_px, size_px] in [-1, 1]."""
    from PIL import Image, ImageOps

    from ..pictures.images import to_tensor

    fitted = ImageOps.fit(image, (size_px, size_px), Image.Resampling.LANCZOS)
    return to_tensor(fitted, channels)
