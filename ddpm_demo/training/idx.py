"""The IDX format of MNIST and its relatives: a magic number, sizes, bytes."""

from __future__ import annotations

import math
import struct
from typing import BinaryIO

import numpy as np

from ..errors import UserError

UNSIGNED_BYTE = 8


def read_idx(file: BinaryIO, max_bytes: int = 4 * 2**30) -> np.ndarray:
    """The pictures of an IDX file of unsigned bytes, uint8 [N, H, W] or [N, H, W, C].

    Raises:
        UserError: not an IDX file of pictures, cut short, or larger than `max_bytes`.
    """
    header = file.read(4)
    bytes_of_pictures = len(header) == 4 and header[:3] == bytes((0, 0, UNSIGNED_BYTE))
    if not bytes_of_pictures or header[3] not in (3, 4):
        raise UserError(
            "idx_invalid",
            "This is not an IDX file of pictures (unsigned bytes, three or four sizes).",
        )
    sizes = struct.unpack(f">{header[3]}I", file.read(4 * header[3]).ljust(4 * header[3], b"\0"))
    num_bytes = math.prod(sizes)
    content = file.read(num_bytes) if 0 < num_bytes <= max_bytes else b""
    if not content or len(content) != num_bytes:
        raise UserError(
            "idx_cut_short",
            "The IDX file names sizes {sizes} but does not hold that many bytes.",
            sizes=" x ".join(map(str, sizes)),
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(sizes)
