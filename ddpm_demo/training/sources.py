"""Opens whatever `TrainConfig.data` names: folders, zip archives, arrays, IDX files, streams."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from ..errors import UserError
from .config import TrainConfig
from .data import IndexedSamples, Samples
from .files import Tell, open_folder, open_zip, silent
from .idx import read_idx
from .pictures import ArraySource, PackedSource, resize_square, to_channels
from .report import DataReport, ReportBuilder

HUB_PREFIX = "hub:"
MAX_COMPARED = 200_000  # pictures looked at for duplicates


def open_source(config: TrainConfig, tell: Tell = silent) -> tuple[Samples, DataReport]:
    """The samples of a run, and the report on the data; `tell` hears how the preparation goes.

    Raises:
        UserError: there is nothing there, it is of no known kind, or holds no usable picture.
        OSError: there is no room for the prepared pictures in the run folder.
    """
    if config.data.startswith(HUB_PREFIX):
        from .streams import open_stream  # imports datasets

        return open_stream(config)
    path = Path(config.data)
    if not (path.is_dir() or path.is_file()):  # a pipe would be waited for
        raise UserError(
            "train_data_missing",
            "There is no data at {name}; give a folder, a zip archive, a .npy, .npz or IDX file.",
            field="data",
            name=config.data,
        )
    if (path / "train_index.npy").is_file():
        source, report = _open_packed(path, config)
    elif (path / "train.npy").is_file():
        source, report = _open_array(_load_array(path / "train.npy"), config)
    elif path.is_dir():
        source, report = open_folder(path, config, tell)
    elif path.suffix.lower() == ".zip":
        source, report = open_zip(path, config, tell)
    elif path.suffix.lower() in (".npy", ".npz"):
        source, report = _open_array(_load_array(path), config)
    else:
        source, report = _open_array(_load_idx(path), config)
    return IndexedSamples(source, config.seed), report


def _load_array(path: Path) -> np.ndarray:
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(images, np.ndarray):
            images = images[images.files[0]]
    except (OSError, ValueError, IndexError) as error:
        raise UserError(
            "train_array_unreadable",
            "The array file {name} cannot be read: {reason}",
            field="data",
            name=path.name,
            reason=str(error),
        ) from error
    return images


def _load_idx(path: Path) -> np.ndarray:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            return read_idx(file)
    except (OSError, EOFError) as error:
        raise UserError(
            "train_array_unreadable",
            "The array file {name} cannot be read: {reason}",
            field="data",
            name=path.name,
            reason=str(error),
        ) from error


def _open_array(images: np.ndarray, config: TrainConfig) -> tuple[ArraySource, DataReport]:
    images = images[..., None] if images.ndim == 3 else images
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] > 4 or not images.size:
        raise UserError(
            "train_array_shape",
            "An array of pictures must be uint8 [N, H, W] or [N, H, W, C] with C from 1 to 4; "
            "this one is {dtype} {shape}.",
            field="data",
            dtype=str(images.dtype),
            shape=str(list(images.shape)),
        )
    count, height, width, channels = images.shape
    size_px = max(config.sizes_px)
    plain = channels == config.channels
    square = height == width == size_px
    fits = square if config.fit == "resize" else min(height, width) >= size_px
    if not (plain and fits):
        images = _convert(images, config)
    builder = ReportBuilder(size_px, config.batch_size, config.channels)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    for number in range(count):
        ready = images[number] if count <= MAX_COMPARED else None
        builder.add(width, height, mode, False, ready)
    return ArraySource(images), builder.build()


def _convert(images: np.ndarray, config: TrainConfig) -> np.ndarray:
    size_px = max(config.sizes_px)
    out = np.empty((len(images), size_px, size_px, config.channels), dtype=np.uint8)
    for number, picture in enumerate(images):
        picture = to_channels(np.asarray(picture), config.channels, config.background_rgb)
        out[number] = resize_square(picture, size_px)
    return out


def _open_packed(folder: Path, config: TrainConfig) -> tuple[PackedSource, DataReport]:
    """A data set of pictures of many sizes, as `datasets.writing.write_pictures` leaves it."""
    index = _load_array(folder / "train_index.npy")
    source = PackedSource(_load_array(folder / "train.npy"), index)
    builder = ReportBuilder(max(config.sizes_px), config.batch_size, config.channels)
    for _, height, width, channels in source.index.tolist():
        builder.add(width, height, "RGB" if channels == 3 else "L", False, None)
        if channels != config.channels or min(height, width) < max(config.sizes_px):
            raise UserError(
                "train_packed_mismatch",
                "The prepared pictures do not fit the training size or its channels.",
                field="data",
            )
    return source, builder.build()
