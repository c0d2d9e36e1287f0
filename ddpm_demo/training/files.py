"""Pictures in folders and zip archives: read once, checked, made ready and packed for training.

Nothing is unpacked to the disk and no name of an archive is used as a path. A file that cannot be
used is named in the report and skipped; it never ends a run.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import UserError
from ..pictures.images import FORMATS, load_image, open_header
from .config import TrainConfig
from .listing import DAMAGED, MAX_FILE_BYTES, Listing, Reader, folder_files, zip_files
from .pictures import PackedSource, PictureWriter, read_facts, resize_square, to_channels
from .report import DataReport, ReportBuilder

MAX_FILES = 10_000_000
MAX_CROP_SOURCE_PX = 1024  # short side kept of a photograph that crops are cut from
CACHE = "pictures"
# Data sets come in these, too; a picture to restore does not.
_FORMATS = (*FORMATS, "AVIF", "PPM")

Tell = Callable[[int, int], None]  # files done, files in all


def silent(done: int, total: int) -> None:
    """Tells nobody."""


def open_folder(
    folder: Path, config: TrainConfig, tell: Tell = silent
) -> tuple[PackedSource, DataReport]:
    """The pictures below a folder; `tell` hears how far the preparation is.

    Raises:
        UserError: there is no usable picture.
        OSError: there is no room for the prepared pictures in the run folder.
    """
    return _prepare(folder_files(folder), folder.name, config, tell)


def open_zip(
    path: Path, config: TrainConfig, tell: Tell = silent
) -> tuple[PackedSource, DataReport]:
    """The pictures in a zip archive; `tell` hears how far the preparation is.

    Raises:
        UserError: not a zip archive, or there is no usable picture in it.
        OSError: there is no room for the prepared pictures in the run folder.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (*DAMAGED, struct.error, OverflowError) as error:
        raise UserError(
            "train_zip_unreadable",
            "The file {name} is not a zip archive or is damaged.",
            field="data",
            name=path.name,
        ) from error
    with archive:
        return _prepare(zip_files(archive, path), path.name, config, tell)


def _prepare(
    listing: Listing, name: str, config: TrainConfig, tell: Tell
) -> tuple[PackedSource, DataReport]:
    if len(listing.files) > MAX_FILES:
        raise UserError(
            "train_too_many_files",
            "{name} holds {count} pictures; the most is {limit}.",
            field="data",
            name=name,
            count=len(listing.files),
            limit=MAX_FILES,
        )
    path = Path(config.out) / CACHE
    key = _cache_key(listing, config)
    facts = read_facts(path)
    if facts is None or facts.get("key") != key:
        facts = _pack(listing, path, key, config, tell)
    report = report_from_json(facts["report"])
    if not report.num_images:
        named = [f"{file}: {reason.rstrip('.')}" for file, reason in report.skipped[:5]]
        raise UserError(
            "train_no_images",
            "There is no picture to train on ({reasons}).",
            field="data",
            reasons="; ".join(named) or "no file of a known kind",
        )
    return PackedSource.open(path), report


def _cache_key(listing: Listing, config: TrainConfig) -> str:
    """By what is in the files: a picture may be replaced under the same name and size."""
    settings = (max(config.sizes_px), config.fit, config.channels, config.background)
    seen = (listing.content, listing.left_out, settings)
    return hashlib.sha256(repr(seen).encode()).hexdigest()


def _pack(
    listing: Listing, path: Path, key: str, config: TrainConfig, tell: Tell
) -> dict[str, object]:
    builder = ReportBuilder(max(config.sizes_px), config.batch_size, config.channels)
    facts: dict[str, object] = {"key": key}
    with PictureWriter(path, facts) as writer:
        for done, (name, num_bytes, read) in enumerate(listing.files):
            tell(done, len(listing.files))
            try:
                ready, image = _ready(num_bytes, read, config)
            except UserError as error:
                builder.skip(name, str(error))
                continue
            except DAMAGED as error:
                builder.skip(name, str(error) or type(error).__name__)
                continue
            animated = getattr(image, "n_frames", 1) > 1
            builder.add(image.width, image.height, image.mode, animated, ready)
            writer.append(ready)
        for name, reason in listing.left_out:
            builder.skip(name, reason)
        facts["report"] = report_to_json(builder.build())
    return facts


def _ready(num_bytes: int, read: Reader, config: TrainConfig) -> tuple[np.ndarray, Image.Image]:
    """What training sees of a file, and the picture with its header only."""
    content = read() if num_bytes <= MAX_FILE_BYTES else b""
    if not content or len(content) > MAX_FILE_BYTES:
        raise UserError(
            "train_file_size",
            "The file is empty or larger than {limit} MB.",
            limit=MAX_FILE_BYTES // 2**20,
        )
    header = open_header(content, _FORMATS)
    picture = np.asarray(load_image(content, formats=_FORMATS))
    picture = picture[..., None] if picture.ndim == 2 else picture
    picture = to_channels(picture, config.channels, config.background_rgb)
    largest = max(config.sizes_px)
    if config.fit == "resize":
        return resize_square(picture, largest), header
    return fit_for_crops(picture, largest), header


def fit_for_crops(picture: np.ndarray, size_px: int) -> np.ndarray:
    """A picture to cut crops of `size_px` from: not smaller than that, not needlessly large."""
    height, width, channels = picture.shape
    short = min(height, width)
    side = max(size_px, min(short, MAX_CROP_SOURCE_PX))
    if side == short:
        return picture
    scale = side / short
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    image = Image.fromarray(picture[..., 0] if channels == 1 else picture)
    resized = np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    return resized.reshape(size[1], size[0], channels)


def report_to_json(report: DataReport) -> dict[str, object]:
    """As JSON values."""
    return {**report.__dict__}


def report_from_json(values: dict[str, object]) -> DataReport:
    """The report that `report_to_json` gave."""
    skipped = tuple((name, reason) for name, reason in values["skipped"])
    return DataReport(**{**values, "skipped": skipped, "advice": tuple(values["advice"])})
