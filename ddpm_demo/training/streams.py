"""`datasets` data sets, streamed: neither memory nor disk need hold the data.

A folder of WebDataset shards (`*.tar`) is one of the formats that `datasets` reads.

The order must not depend on how often a run was interrupted, so the stream is cut into blocks of
consecutive examples and each block is shuffled by itself: sample k of a run is found by going to
its block. Pictures are decoded when they are needed, by the process that needs them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import UserError
from ..pictures.images import load_image, open_header
from .config import TrainConfig
from .files import fit_for_crops
from .pictures import resize_square, to_channels
from .randomness import stream
from .report import DataReport, ReportBuilder

BLOCK = 1024
REPORT_EXAMPLES = 64
LENGTH_FILE = "stream.json"


def open_stream(config: TrainConfig) -> tuple[StreamSamples, DataReport]:
    """The data set named by `hub:NAME`, on the Hub or a local folder that `datasets` can load.

    Raises:
        UserError: it cannot be opened, has no column of pictures, or none can be read.
    """
    samples = StreamSamples(config)
    builder = ReportBuilder(max(config.sizes_px), config.batch_size, config.channels)
    for number, example in enumerate(samples.first_examples(REPORT_EXAMPLES)):
        try:
            header, picture = samples.decode(example)
        except UserError as error:
            builder.skip(f"example {number}", str(error))
            continue
        animated = getattr(header, "n_frames", 1) > 1
        builder.add(header.width, header.height, header.mode, animated, picture)
    report = builder.build(known_length=False)
    if not builder.num_images:
        raise UserError(
            "train_stream_no_images",
            "None of the first {count} examples of the data set {name} is a picture.",
            field="data",
            count=REPORT_EXAMPLES,
            name=config.data.removeprefix("hub:"),
        )
    return samples, report


class StreamSamples:
    """Sample k of a run from a streamed data set.

    Args:
        config: `data` is "hub:NAME" or "hub:FOLDER", with "#SPLIT" at the end for another split
            than "train".
    """

    def __init__(self, config: TrainConfig):
        self.config = config
        self.name, _, split = config.data.removeprefix("hub:").partition("#")
        self.dataset, self.column = _open(self.name, split or "train")
        self._length_file = Path(config.out) / LENGTH_FILE
        self._length = _read_length(self._length_file)
        self._iterator: Iterator[dict[str, Any]] | None = None
        self._next = 0  # stream position of the iterator, over all epochs
        self._block_number = -1
        self._block: list[Any] = []

    def first_examples(self, count: int) -> list[Any]:
        """The first examples' encoded pictures."""
        return [example[self.column] for example in self.dataset.take(count)]

    def sample(self, k: int) -> np.ndarray:
        """The picture of sample k, uint8 [H, W, C], ready for training.

        An unreadable one is replaced by the next readable one of its block.

        Raises:
            UserError: a whole block cannot be read.
        """
        block, place = divmod(k, BLOCK)
        self._go_to(block)
        order = stream(self.config.seed, "block", block).permutation(len(self._block))
        for tried in range(len(order)):
            example = self._block[order[(place + tried) % len(order)]]
            try:
                return self.decode(example)[1]
            except UserError:
                continue
        raise UserError(
            "train_stream_unreadable",
            "A stretch of {count} examples of the data set {name} cannot be read as pictures.",
            field="data",
            count=BLOCK,
            name=self.name,
        )

    def decode(self, example: Any) -> tuple[Image.Image, np.ndarray]:  # noqa: ANN401 - from datasets
        """(picture as it was stored, picture ready for training)."""
        config = self.config
        if isinstance(example, dict):
            content = example.get("bytes")
            if content is None and example.get("path"):
                content = Path(example["path"]).read_bytes()
            header = open_header(content or b"")
            pixels = np.asarray(load_image(content or b""))
        else:
            pixels = np.asarray(example)
            header = Image.fromarray(pixels)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        pixels = to_channels(pixels, config.channels, config.background_rgb)
        largest = max(config.sizes_px)
        ready = resize_square if config.fit == "resize" else fit_for_crops
        return header, ready(pixels, largest)

    def _go_to(self, block: int) -> None:
        if block == self._block_number:
            return
        first = block * BLOCK
        if self._iterator is None or self._next != first:
            self._seek(first)
        self._block = [self._read() for _ in range(BLOCK)]
        self._block_number = block

    def _seek(self, position: int) -> None:
        within = position % self._length if self._length else position
        self._iterator = iter(self.dataset.skip(within))
        self._next = position
        if self._length is None and position:
            # The stream may have ended on the way: then its length is not known here, so count.
            self._iterator = iter(self.dataset)
            self._next = 0
            while self._next < position:
                self._read()

    def _read(self) -> Any:  # noqa: ANN401 - whatever the data set holds
        try:
            example = next(self._iterator)
        except StopIteration:
            if self._next == 0:
                raise UserError(
                    "train_stream_empty",
                    "The data set {name} is empty.",
                    field="data",
                    name=self.name,
                ) from None
            if self._length is None:
                self._length = self._next
                self._length_file.write_text(json.dumps({"length": self._length}))
            self._iterator = iter(self.dataset)
            example = next(self._iterator)
        self._next += 1
        return example[self.column]


def _open(name: str, split: str) -> tuple[Any, str]:
    try:
        import datasets  # slow to import, and only this source needs it
    except ModuleNotFoundError:
        raise UserError(
            "train_stream_package",
            "Streaming a data set needs a package that is not here; install it with: "
            "pip install {package}",
            field="data",
            package="datasets",
        ) from None
    try:
        if (Path(name) / "state.json").exists() or (Path(name) / "dataset_dict.json").exists():
            loaded = datasets.load_from_disk(name)
            loaded = loaded[split] if isinstance(loaded, datasets.DatasetDict) else loaded
            dataset = loaded.to_iterable_dataset()
        else:
            dataset = datasets.load_dataset(name, split=split, streaming=True)
        if dataset.features is None:
            dataset = dataset._resolve_features()
        columns = [c for c, kind in dataset.features.items() if isinstance(kind, datasets.Image)]
    except Exception as error:  # noqa: BLE001  loaders of many formats raise almost anything
        raise UserError(
            "train_stream_unavailable",
            "The data set {name} cannot be opened: {reason}",
            field="data",
            name=name,
            reason=str(error).splitlines()[0] if str(error) else type(error).__name__,
        ) from error
    if not columns:
        raise UserError(
            "train_stream_no_column",
            "The data set {name} has no column of pictures.",
            field="data",
            name=name,
        )
    # Undecoded, so that one damaged picture does not end the stream.
    return dataset.cast_column(columns[0], datasets.Image(decode=False)), columns[0]


def _read_length(path: Path) -> int | None:
    try:
        return int(json.loads(path.read_text())["length"])
    except (OSError, ValueError, KeyError):
        return None
