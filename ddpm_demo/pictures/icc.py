"""ICC profiles written by hand, for files that say their colours by numbers (gAMA, cHRM, nclx)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

Chromaticity = tuple[float, float]

SRGB_PRIMARIES: tuple[Chromaticity, ...] = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3_PRIMARIES = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BT_2020_PRIMARIES = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
D65: Chromaticity = (0.3127, 0.3290)
D50_XYZ = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_CURVE_POINTS = 4096


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """Light of sRGB values in [0, 1] (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def matrix_profile(
    primaries: Sequence[Chromaticity] = SRGB_PRIMARIES,
    white: Chromaticity = D65,
    gamma: float | None = None,
    name: str = "from the file's numbers",
) -> bytes:
    """A profile of version 2 for red, green and blue.

    Args:
        primaries: CIE x and y of red, green and blue.
        white: CIE x and y; adapted to D50 after Bradford.
        gamma: of the display, light = value ** gamma; None for the curve of sRGB.
        name: the profile's description, in ASCII.

    Raises:
        ValueError: the chromaticities span no colours, or a gamma out of reason.
    """
    columns = np.stack([_xyz(*point) for point in primaries], 1)
    if abs(np.linalg.det(columns)) < 1e-6:
        raise ValueError("the primaries lie on a line")
    source_white = _xyz(*white)
    matrix = columns * np.linalg.solve(columns, source_white)
    cone = _BRADFORD @ source_white
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ D50_XYZ / cone) @ _BRADFORD
    adapted = adapt @ matrix
    curve = _curve(gamma)
    tags = [(b"rXYZ", adapted[:, 0]), (b"gXYZ", adapted[:, 1]), (b"bXYZ", adapted[:, 2])]
    data = [(b"desc", _description(name)), (b"cprt", b"text\0\0\0\0none\0")]
    data += [(b"wtpt", _xyz_tag(D50_XYZ))]
    data += [(key, _xyz_tag(value)) for key, value in tags]
    data += [(key, curve) for key in (b"rTRC", b"gTRC", b"bTRC")]
    return _profile(data)


def _xyz(x: float, y: float) -> np.ndarray:
    if not 0 < y <= 1 or not 0 <= x <= 1:
        raise ValueError("no chromaticity")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _curve(gamma: float | None) -> bytes:
    if gamma is None:
        light = srgb_to_linear(np.linspace(0, 1, _CURVE_POINTS))
        points = np.rint(light * 65535).astype(">u2")
        return b"curv\0\0\0\0" + struct.pack(">I", len(points)) + points.tobytes()
    if not 0.1 <= gamma <= 10:
        raise ValueError("no gamma")
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _description(name: str) -> bytes:
    words = name.encode("ascii", "replace")
    return b"desc\0\0\0\0" + struct.pack(">I", len(words) + 1) + words + b"\0" + b"\0" * 78


def _xyz_tag(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in values)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _profile(tags: Sequence[tuple[bytes, bytes]]) -> bytes:
    position = 128 + 4 + 12 * len(tags)
    table, body = b"", b""
    for key, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += key + struct.pack(">II", position, len(data))
        body += data
        position += len(data)
    head = struct.pack(">I4sI4s4s4s", position, b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += b"\0" * 12 + b"acsp" + b"\0" * 28 + b"".join(_fixed(value) for value in D50_XYZ)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
