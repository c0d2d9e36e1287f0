"""What all builders share: arrays and their description written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class DatasetInfo:
    """What `dataset.json` says: enough to write a model card from.

    Args:
        name: of the builder, "faces-64".
        title: what the pictures show.
        packages: where they come from, with versions where known.
        licence: of the pictures.
        credit: whom to name.
        counts: pictures a split, {"train": 60000, "heldout": 5000}.
        notes: what was left out, and anything a reader of the model card should know.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    licence: str
    credit: str
    counts: dict[str, int]
    notes: tuple[str, ...] = ()


def write_info(folder: Path, info: DatasetInfo) -> None:
    """Writes `dataset.json`; last of all files, so that its presence says the folder is whole."""
    text = json.dumps(asdict(info), indent=2, ensure_ascii=False) + "\n"
    replace_file(folder / "dataset.json", text.encode())


def write_split(folder: Path, split: str, images: np.ndarray) -> None:
    """Writes uint8 [N, H, W, C] as `SPLIT.npy`, readable as a memory map."""
    temporary = folder / f".{split}.partial.npy"
    np.save(temporary, images)
    os.replace(temporary, folder / f"{split}.npy")


def write_pictures(folder: Path, split: str, pictures: Sequence[np.ndarray]) -> None:
    """Writes pictures of several sizes, uint8 [H, W, C] each, one after the other in `SPLIT.npy`.

    `SPLIT_index.npy`, int64 [N, 4], says where each begins and its height, width and channels.
    """
    offset, index = 0, []
    for picture in pictures:
        index.append((offset, *picture.shape))
        offset += picture.size
    flat = np.concatenate([picture.ravel() for picture in pictures])
    write_split(folder, f"{split}_index", np.array(index, dtype=np.int64))
    write_split(folder, split, flat)


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name first, so that no reader sees half of it."""
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def without_copies(images: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The pictures of uint8 [N, H, W, C] of which `other` holds no exact copy."""
    known = {image.tobytes() for image in other}
    return images[[image.tobytes() not in known for image in images]]
