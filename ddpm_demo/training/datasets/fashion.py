"""Fashion-MNIST from Debian's `dataset-fashion-mnist` (MIT): grey garments, 28 padded to 32."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..idx import read_idx
from .writing import DatasetInfo, write_info, write_split

PACKAGE = "dataset-fashion-mnist"
FOLDER = Path("/usr/share/datasets/fashion-mnist")
FILES = {"train": "train-images-idx3-ubyte.gz", "heldout": "t10k-images-idx3-ubyte.gz"}
PAD_PX = 2


def build(folder: Path, source: Path = FOLDER) -> DatasetInfo:
    """Writes both splits as uint8 [N, 32, 32, 1]; the test split is the one held out.

    Raises:
        UserError: the Debian package is not installed.
    """
    counts = {}
    for split, name in FILES.items():
        path = source / name
        if not path.is_file():
            raise UserError(
                "debian_package_missing",
                "The pictures of the Debian package “{package}” are not on this machine; "
                "install it with: apt install {package}",
                package=PACKAGE,
            )
        with gzip.open(path, "rb") as file:
            images = read_idx(file)
        pad = ((0, 0), (PAD_PX, PAD_PX), (PAD_PX, PAD_PX))
        padded = np.pad(images, pad)[..., None]
        write_split(folder, split, padded)
        counts[split] = len(padded)
    info = DatasetInfo(
        name="fashion-32",
        title="Fashion-MNIST, grey garments on black, 28 x 28 padded to 32 x 32",
        packages=(f"Debian {PACKAGE}",),
        licence="MIT",
        credit="Zalando SE, Fashion-MNIST (Xiao, Rasul, Vollgraf 2017)",
        counts=counts,
        notes=("held out: the test split",),
    )
    write_info(folder, info)
    return info
