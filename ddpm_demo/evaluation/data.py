"""The real pictures that samples are compared with, at the checkpoint's own size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..errors import UserError
from ..training.config import TrainConfig
from ..training.pictures import resize_square
from ..training.sources import open_source

SPLITS = ("train", "heldout")
MAX_IMAGES = 100_000


@dataclass(frozen=True)
class RealImages:
    """Real pictures, each part uint8 [N, H, W, C], possibly a memory map.

    Args:
        name: of the data set, for reports; never a path.
        reference: what samples are compared with; the held-out pictures where there are any.
        train: what the network saw; None when the data do not say.
        is_heldout: the reference was held out of training.
    """

    name: str
    reference: np.ndarray
    train: np.ndarray | None
    is_heldout: bool


def open_real(data: str, size_px: int, channels: int, max_images: int = MAX_IMAGES) -> RealImages:
    """The real pictures in `data`.

    A folder with `train.npy` and `heldout.npy` (as `python -m ddpm_demo.training.datasets` makes)
    or with folders `train` and `heldout` has both parts; anything else that training reads is
    one reference set of which nothing is held out.

    Args:
        data: as for training: folder, zip, npy, npz or IDX file.
        size_px, channels: of the checkpoint.
        max_images: read at most so many of data that are not arrays.

    Raises:
        UserError: no such data, unreadable, or of another size or number of channels.
    """
    folder = Path(data)
    parts = {split: _open_split(folder, split, size_px, channels, max_images) for split in SPLITS}
    train, heldout = parts["train"], parts["heldout"]
    name = _name(folder)
    if heldout is not None:
        return RealImages(name, heldout, train, True)
    if train is not None:
        return RealImages(name, train, train, False)
    return RealImages(name, _read(data, size_px, channels, max_images), None, False)


def _open_split(
    folder: Path, split: str, size_px: int, channels: int, max_images: int
) -> np.ndarray | None:
    array = folder / f"{split}.npy"
    if array.is_file():
        return _open_array(array, size_px, channels)
    if all((folder / name).is_dir() for name in SPLITS):
        return _read(str(folder / split), size_px, channels, max_images)
    return None


def _open_array(path: Path, size_px: int, channels: int) -> np.ndarray:
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(
            "evaluation_array_unreadable",
            "“{file}” is not an array of pictures that can be read; make the data set again.",
            field="data",
            file=path.name,
        ) from error
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) == 0:
        wanted = "bytes"
    elif images.shape[1:] != (size_px, size_px, channels):
        wanted = f"{size_px} x {size_px} x {channels}"
    else:
        return images
    raise UserError(
        "evaluation_array_shape",
        "“{file}” holds values of type {kind} and shape {shape}, but pictures of {wanted} are "
        "needed; choose the data that the checkpoint was trained on.",
        field="data",
        file=path.name,
        kind=str(images.dtype),
        shape=" x ".join(map(str, images.shape)),
        wanted=wanted,
    )


def _read(data: str, size_px: int, channels: int, max_images: int) -> np.ndarray:
    """All pictures of `data` in an order drawn once, squared and resized as training does."""
    with TemporaryDirectory(prefix="ddpm-demo-") as folder:
        # A training run needs a network to start from; reading its data does not.
        config = TrainConfig(
            data=data, out=folder, from_checkpoint="-", sizes_px=(size_px,), channels=channels
        )
        samples, report = open_source(config)
        count = min(report.num_images or max_images, max_images)  # a stream has no known end
        return np.stack([resize_square(samples.sample(k), size_px) for k in range(count)])


def _name(folder: Path) -> str:
    try:
        info = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        return str(info["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return folder.name
