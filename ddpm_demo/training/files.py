"""Pictures in folders and zip archives: read once, checked, made ready and packed for training.

Nothing is unpacked to the disk and no name of an archive is used as a path. A file that cannot be
used is named in the report and skipped; it never ends a run.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import UserError
from ..pictures.images import load_image, open_header
from .config import TrainConfig
from .pictures import PackedSource, PictureWriter, read_facts, resize_square, to_channels
from .report import DataReport, ReportBuilder

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MAX_FILES = 10_000_000
MAX_FILE_BYTES = 256 * 2**20
MAX_CROP_SOURCE_PX = 1024  # short side kept of a photograph that crops are cut from
CACHE = "pictures"

Reader = Callable[[], bytes]
Tell = Callable[[int, int], None]  # files done, files in all


def folder_files(folder: Path) -> Iterator[tuple[str, int, Reader]]:
    """(name, size in bytes, reader) of the pictures below a folder, in a fixed order."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.stat().st_size, path.read_bytes


def zip_files(archive: zipfile.ZipFile) -> Iterator[tuple[str, int, Reader]]:
    """(name, unpacked size, reader) of the pictures in an archive, in a fixed order."""

    def reader(member: zipfile.ZipInfo) -> Reader:
        def read() -> bytes:
            with archive.open(member) as file:
                return file.read(MAX_FILE_BYTES + 1)  # whatever size the header claims

        return read

    for member in sorted(archive.infolist(), key=lambda member: member.filename):
        hidden = "__MACOSX" in member.filename or Path(member.filename).name.startswith(".")
        if member.filename.lower().endswith(ENDINGS) and not member.is_dir() and not hidden:
            yield member.filename, member.file_size, reader(member)


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
    return _prepare(list(folder_files(folder)), folder.name, config, tell)


def open_zip(
    path: Path, config: TrainConfig, tell: Tell = silent
) -> tuple[PackedSource, DataReport]:
    """The pictures in a zip archive; `tell` hears how far the preparation is.

    Raises:
        UserError: not a zip archive, or there is no usable picture in it.
        OSError: there is no room for the prepared pictures in the run folder.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _prepare(list(zip_files(archive)), path.name, config, tell)
    except zipfile.BadZipFile as error:
        raise UserError(
            "train_zip_unreadable",
            "The file {name} is not a zip archive or is damaged.",
            field="data",
            name=path.name,
        ) from error


def _prepare(
    files: list[tuple[str, int, Reader]], name: str, config: TrainConfig, tell: Tell
) -> tuple[PackedSource, DataReport]:
    if len(files) > MAX_FILES:
        raise UserError(
            "train_too_many_files",
            "{name} holds {count} pictures; the most is {limit}.",
            field="data",
            name=name,
            count=len(files),
            limit=MAX_FILES,
        )
    path = Path(config.out) / CACHE
    key = _cache_key(files, config)
    facts = read_facts(path)
    if facts is None or facts.get("key") != key:
        facts = _pack(files, path, key, config, tell)
    report = report_from_json(facts["report"])
    if not report.num_images:
        named = [f"{file}: {reason.rstrip('.')}" for file, reason in report.skipped[:5]]
        raise UserError(
            "train_no_images",
            "There is no picture to train on in {name} ({reasons}).",
            field="data",
            name=name,
            reasons="; ".join(named) or "no file of a known kind",
        )
    return PackedSource.open(path), report


def _cache_key(files: list[tuple[str, int, Reader]], config: TrainConfig) -> str:
    listing = [(name, size) for name, size, _ in files]
    settings = (max(config.sizes_px), config.fit, config.channels, config.background)
    return hashlib.sha256(repr((listing, settings)).encode()).hexdigest()


def _pack(
    files: list[tuple[str, int, Reader]], path: Path, key: str, config: TrainConfig, tell: Tell
) -> dict[str, object]:
    builder = ReportBuilder(max(config.sizes_px), config.batch_size, config.channels)
    facts: dict[str, object] = {"key": key}
    with PictureWriter(path, facts) as writer:
        for done, (name, num_bytes, read) in enumerate(files):
            tell(done, len(files))
            try:
                ready, image = _ready(num_bytes, read, config)
            except UserError as error:
                builder.skip(name, str(error))
                continue
            except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
                builder.skip(name, str(error))  # RuntimeError: an encrypted member
                continue
            animated = getattr(image, "n_frames", 1) > 1
            builder.add(image.width, image.height, image.mode, animated, ready)
            writer.append(ready)
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
    header = open_header(content)
    picture = np.asarray(load_image(content))
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
